//! Our side of `cargo xtask bench-peers`. Prints "ready", then for every number read from standard
//! input repeats its piece of work that often and prints the seconds it took; at the end of input
//! prints the most memory it held, in bytes. `peers.py` is the other side of the same protocol.

mod work;

use std::{
    io::{BufRead, Write, stdin, stdout},
    path::PathBuf,
    time::Instant,
};

use anyhow::{Context, Result, bail};
use burn::backend::Autodiff;
use clap::{Parser, ValueEnum};
#[cfg(feature = "cuda")]
use shared::backend::Cuda;
use shared::backend::Flex;
#[cfg(feature = "ndarray")]
use shared::backend::NdArray;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Work {
    /// A training step of a VAE on random binary pixels.
    Step,
    /// A training step of a variational recurrent network on random binary sequences of 28 steps.
    Vrnn,
    /// The same without latents.
    Rnn,
    /// A training step of beta-vae's convolutional network on random binary images of 64 x 64.
    Convolutional,
    /// A training step of cvae's networks, one quadrant observed.
    Quadrants,
    /// A training step of the ladder network with costs in every layer, as many images again labelled.
    Ladder,
    /// Four epochs of MNIST with everything `train` does but validation.
    Epochs,
    /// The importance-weighted bound with K = 5000 of 200 MNIST images.
    Bound,
    /// Means and variances of the codes of 60,000 MNIST images.
    Encode,
    /// 10,000 draws from the prior, decoded.
    Sample,
    /// All principal components of 60,000 MNIST images, or of 10,000 random ones of another size.
    Pca,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    Flex,
    #[cfg(feature = "ndarray")]
    Ndarray,
    #[cfg(feature = "cuda")]
    Cuda,
}

#[derive(Parser, Debug)]
struct Arguments {
    #[arg(long)]
    work: Work,
    #[arg(long, default_value = "flex")]
    name: Name,
    #[arg(long, default_value_t = 784)]
    pixels: usize,
    #[arg(long, value_delimiter = ',', default_value = "400")]
    hidden: Vec<usize>,
    #[arg(long, default_value_t = 20)]
    latent: usize,
    #[arg(long, default_value_t = 128)]
    batch: usize,
    /// Share of the pixels of random images that are 1, the others 0; of MNIST's grey levels 0.19 are not 0.
    #[arg(long, default_value_t = 0.2)]
    lit: f32,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Folder of MNIST's files.
    #[arg(long)]
    data: Option<PathBuf>,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    rayon::ThreadPoolBuilder::new().num_threads(arguments.threads).build_global()?;
    // As the programs do: all work is inside the pool.
    rayon::scope(|_| match arguments.name {
        Name::Flex => serve(work::prepare::<Autodiff<Flex>>(&arguments)?),
        #[cfg(feature = "ndarray")]
        Name::Ndarray => serve(work::prepare::<Autodiff<NdArray>>(&arguments)?),
        #[cfg(feature = "cuda")]
        Name::Cuda => serve(work::prepare::<Autodiff<Cuda>>(&arguments)?),
    })
}

fn serve(mut once: Box<dyn FnMut() -> Result<()>>) -> Result<()> {
    let mut out = stdout();
    writeln!(out, "ready")?;
    for line in stdin().lock().lines() {
        let line = line?;
        let times: usize =
            line.trim().parse().with_context(|| format!("'{line}' is not a number"))?;
        let started = Instant::now();
        for _ in 0..times {
            once()?;
        }
        writeln!(out, "{}", started.elapsed().as_secs_f64())?;
        out.flush()?;
    }
    writeln!(out, "{}", peak_memory()?)?;
    Ok(())
}

/// The most memory this process held, in bytes.
fn peak_memory() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let Some(line) = line else { bail!("/proc/self/status has no VmHWM") };
    Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
}
