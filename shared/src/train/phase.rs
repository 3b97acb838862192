use anyhow::Result;
use burn::module::AutodiffModule;

use super::{FitReport, Objective, Session, TrainConfig, fit};
use crate::{
    autoencoder::Autoencoder,
    backend::AutodiffBackend,
    data::{Binarise, Splits},
    train::loss_curves,
};

/// One of several fits that make a run.
#[derive(Clone, Copy, Debug)]
pub struct Phase<'a> {
    /// Its folder within the run's.
    pub name: &'a str,
    /// The section of the configuration with its settings.
    pub section: &'static str,
}

/// Fits a phase in a folder of its own: the model after it, ready for the
/// next. Further arguments as for [`fit`]; no snapshots are taken.
///
/// # Errors
/// As [`fit`].
pub fn fit_phase<B, M, O>(
    Phase { name, section }: Phase<'_>,
    model: M,
    objective: &O,
    data: &Splits,
    binarise: Binarise,
    config: &TrainConfig,
    session: &Session<B>,
) -> Result<(M, FitReport)>
where
    B: AutodiffBackend,
    M: AutodiffModule<B> + Autoencoder<B>,
    M::InnerModule: Autoencoder<B::InnerBackend>,
    O: Objective<B, M> + Objective<B::InnerBackend, M::InnerModule>,
{
    let picture = session.run.file(&format!("loss-{name}.png"));
    let run = session.run.phase(name);
    let session = Session { section, run, snapshot_epochs: Vec::new(), ..session.clone() };
    let (model, report) = fit(model, objective, data, binarise, config, &session)?;
    let caption = format!("Loss: {} {name}, {} training examples", session.paper, data.train.len());
    loss_curves(&picture, &caption, &report.lines)?;
    Ok((M::from_inner(model), report))
}
