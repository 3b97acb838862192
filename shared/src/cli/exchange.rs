//! Export and import of weights.

use std::path::Path;

use anyhow::{Context, Result, bail};
use ndarray::{Array2, Axis};

use super::{
    Stop,
    demand::Purpose,
    evaluate::{Evaluated, measure},
    model::{Loaded, check, load},
    options::{ExportArgs, ImportArgs, refuse_zero},
    own_data,
    paper::{Paper, RunConfig},
    score::without_likelihood,
    train::{TargetArgs, give_back},
};
use crate::{
    files::write_atomic, modules::NamedTensor, network::Model, noise::Stream, progress,
    run::RunFolder, weights,
};

/// `export`.
pub(super) fn export<P: Paper>(args: ExportArgs) -> Result<()> {
    refuse_zero("--terms", args.terms)?;
    let loaded = Loaded::<P>::open(&args.of, "export")?;
    if args.to.join(RunFolder::CONFIG).exists() {
        bail!("--to {}: is a run; its own weights are left alone", args.to.display());
    }
    if args.to.is_file() {
        bail!("--to {}: is a file; name a folder", args.to.display());
    }
    refuse_exported(&args.to)?;
    // Found before anything is written: a model without such terms writes nothing.
    let terms = args.terms.map(|images| terms(&loaded, images)).transpose()?;
    let models = if args.onnx { onnx(&loaded)? } else { Vec::new() };
    weights::save(
        &args.to,
        &loaded.model.weights(),
        P::NAME,
        P::CITATION,
        &serde_json::to_value(&loaded.config)?,
    )?;
    progress::line(&format!(
        "wrote {} and {}",
        args.to.join(weights::WEIGHTS).display(),
        args.to.join(weights::DESCRIPTION).display()
    ));
    if let Some(terms) = terms {
        let path = args.to.join(TERMS);
        weights::write_tensors(&path, &terms)?;
        progress::line(&format!("wrote {}", path.display()));
    }
    for model in models {
        let path = args.to.join(Model::file_name(model.name));
        write_atomic(&path, &model.bytes)?;
        progress::line(&format!("wrote {}", path.display()));
    }
    Ok(())
}

/// The -ELBO terms of `export --terms`.
const TERMS: &str = "terms.safetensors";

/// Refuses a folder that holds an export, of which this one might leave a part.
fn refuse_exported(folder: &Path) -> Result<()> {
    let models = Model::NAMES.map(Model::file_name);
    let own = [weights::WEIGHTS, weights::DESCRIPTION, TERMS].map(str::to_owned);
    match own.iter().chain(&models).find(|name| folder.join(name).exists()) {
        Some(found) => bail!(
            "--to {}: holds an export already; delete its files, as {found}, or name another folder",
            folder.display()
        ),
        None => Ok(()),
    }
}

/// The networks as ONNX models.
fn onnx<P: Paper>(loaded: &Loaded<P>) -> Result<Vec<Model>> {
    let network = loaded
        .model
        .network()
        .map_err(|reason| Stop::Cannot(format!("--onnx: this model has no such form: {reason}")))?;
    let about = format!("{}; {}", loaded.title(), P::CITATION);
    Ok(network.onnx(loaded.model.input_dim(), loaded.model.latent_dim(), &about))
}

/// Inputs, noise and -ELBO terms of the first test images, as `terms.safetensors` has them.
fn terms<P: Paper>(loaded: &Loaded<P>, images: usize) -> Result<Vec<NamedTensor>> {
    let test = &loaded.data()?.test;
    if images > test.len() {
        bail!("--terms {images}: the test split has {} examples", test.len());
    }
    let test = test.take(images);
    let (noise, latent) = (loaded.noise(), loaded.model.latent_dim());
    let indices: Vec<usize> = (0..test.len()).collect();
    let x = test.inputs(&indices, loaded.config.data().binarise, noise, 0);
    let keys: Vec<u64> = indices.iter().map(|&index| test.key(index)).collect();
    let eps = noise.normal(Stream::Posterior, 0, &keys, latent);
    let eps = Array2::from_shape_vec((test.len(), latent), eps)?;
    let given = loaded.model.condition(x.view(), &test.labels());
    let given = given.as_ref().map(|given| given.view());
    let Some(terms) = loaded.model.elbo(x.view(), given, eps.view()) else {
        let is_point = loaded.model.encode(x.into(), given).log_var.is_none();
        let reason = match is_point {
            true => "this model's code is a point and has no ELBO",
            false => without_likelihood(loaded.model.as_ref()),
        };
        return Err(Stop::Cannot(format!("--terms: {reason}")).into());
    };
    let tensor = |name: &str, shape: Vec<usize>, values: Vec<f32>| NamedTensor {
        name: name.into(),
        shape,
        values,
    };
    let kl = terms.kl_per_latent.sum_axis(Axis(1));
    Ok(vec![
        tensor("x", vec![x.nrows(), x.ncols()], x.iter().copied().collect()),
        tensor("eps", vec![eps.nrows(), latent], eps.iter().copied().collect()),
        tensor("reconstruction", vec![test.len()], terms.reconstruction.to_vec()),
        tensor("kl", vec![test.len()], kl.to_vec()),
    ])
}

/// `import`.
pub(super) fn import<P: Paper>(args: ImportArgs) -> Result<()> {
    let device = args.common.device()?;
    let resolved = args.configuration.resolve::<P>()?;
    let path = args.target.folder(P::NAME, "imported")?;
    let common = args.common.relative_to(&args.configuration);
    let (data, kept) = own_data::to_fit::<P>(None, &resolved.config, &common, "")?;
    check::<P>(&resolved.config, &data, device, Purpose::Load, &resolved.places)?;
    let run = RunFolder::planned(path, args.target.force).map_err(TargetArgs::advised)?;
    // The weights must fit, and give figures, before anything is written or replaced.
    let model = load::<P>(&resolved.config, data.train.shape(), device, &args.weights)
        .context("the weights are not imported")?;
    let description = serde_json::to_value(&resolved.config)?;
    let settings = resolved.config.evaluate().clone();
    let loaded = Loaded::<P>::with_data(run, resolved.config, data, model, device);
    let found = measure(&loaded, Evaluated::Imported(settings))?;
    let run = &loaded.run;
    run.make(&resolved.text, args.target.force)?;
    let write = || {
        kept.iter().try_for_each(|kept| kept.write(run))?;
        run.write(weights::BURN_WEIGHTS, &loaded.model.burn_record()?)?;
        run.write_weights(&loaded.model.weights(), P::NAME, P::CITATION, &description)?;
        found.write(&loaded)
    };
    write().inspect_err(|_| give_back(run, ""))?;
    crate::print_text!("{}", found.text);
    crate::print_line!("\nimported into {}", run.path().display());
    Ok(())
}
