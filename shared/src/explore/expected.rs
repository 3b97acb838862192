//! What a page is tested by: inputs, and what the program makes of them.

use ndarray::Array2;
use serde_json::{Value, json};

use super::{Subject, compare::array};
use crate::noise::{Noise, Stream};

/// Images, their codes and -ELBO, and draws from the prior with what they decode to: of the first `count`
/// images of the subject's split.
pub fn expected(subject: &Subject<'_>, count: usize) -> Value {
    let Subject { model, split, binarise, seed, .. } = subject;
    let noise = Noise::new(*seed);
    let indices: Vec<usize> = (0..count.min(split.len())).collect();
    let (rows, latent) = (indices.len(), model.latent_dim());
    let grey = split.grey(&indices);
    let labels = split.labels_of(&indices);
    let keys: Vec<u64> = indices.iter().map(|&index| split.key(index)).collect();
    let given = model.condition(grey.view(), &labels);
    let given = given.as_ref().map(|given| given.view());
    let codes = model.encode(grey.view().into(), given);
    let draws: Vec<u64> = (0..rows as u64).collect();
    let eps = array(rows, latent, &noise.normal(Stream::Prior, 0, &draws, latent));
    let drawn = model.sample_prior(eps.view(), given);
    // -ELBO as `score` has it: inputs and noise of epoch 0.
    let x = split.inputs(&indices, *binarise, noise, 0);
    let of_x = model.condition(x.view(), &labels);
    let draws = array(rows, latent, &noise.normal(Stream::Posterior, 0, &keys, latent));
    let elbo = model.elbo(x.view(), of_x.as_ref().map(|given| given.view()), draws.view());
    let levels = grey.mapv(|value| (value * 255.0).round() as u8);
    // As the page has it: not every model that tells classes apart describes how.
    let tells = model.network().is_ok_and(|network| network.classes.is_some());
    json!({
        "levels": levels.rows().into_iter().map(|row| row.to_vec()).collect::<Vec<_>>(),
        "labels": labels,
        "keys": keys.iter().map(u64::to_string).collect::<Vec<_>>(),
        "mean": lines(&codes.mean),
        "condition": given.map(|given| lines(&given.to_owned())),
        "log_var": codes.log_var.as_ref().map(lines),
        "decoded": lines(&model.decode(codes.mean.view(), given)),
        "eps": lines(&eps),
        "drawn": lines(&drawn),
        "samples": lines(&model.decode(drawn.view(), given)),
        "inputs": lines(&x),
        "log_classes": model.log_classes(grey.view()).filter(|_| tells).as_ref().map(lines),
        "negative_elbo": elbo.map(|elbo| {
            let kl = elbo.kl_per_latent.sum_axis(ndarray::Axis(1));
            elbo.reconstruction.iter().zip(kl).map(|(r, kl)| r + kl).collect::<Vec<f32>>()
        }),
    })
}

fn lines(array: &Array2<f32>) -> Vec<Vec<f32>> {
    array.rows().into_iter().map(|row| row.to_vec()).collect()
}
