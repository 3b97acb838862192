//! A description of a network beside the model it describes.

use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::{
    network::{Network, Steps, steps::StepTerms},
    noise::{Noise, Stream},
    trained::Trained,
};

/// The largest differences between a model and a description of it; each as a share of the model's number
/// where that is above 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Differences {
    /// Of c.
    pub condition: f64,
    /// Of the posterior's mean and log-variance.
    pub code: f64,
    /// Of E\[x|z\], for codes of the images and for draws from the prior.
    pub image: f64,
    /// Of draws from the prior.
    pub prior: f64,
    /// Of log p(class|x), where the description has it.
    pub classes: f64,
    /// Of -E_q log p(x|z) with one draw; 0 where the model has no bound.
    pub reconstruction: f64,
}

impl Differences {
    /// The largest of all.
    pub fn largest(&self) -> f64 {
        let Self { condition, code, image, prior, classes, reconstruction } = *self;
        [condition, code, image, prior, classes, reconstruction].into_iter().fold(0.0, f64::max)
    }
}

/// "at most" a measured difference rounded up to one digit: none that was measured is above it. Nothing is known of one
/// that is not finite.
pub fn at_most(difference: f64) -> String {
    // The fewest digits that tell it from other numbers, so that rounding up adds nothing to one of one digit.
    let text = format!("{difference:e}");
    let rounded = |digits: &str, power: &str| {
        let digit = digits.parse::<f64>().ok()?.ceil();
        format!("{digit}e{power}").parse::<f64>().ok()
    };
    // One that is not finite has no power.
    match text.split_once('e').and_then(|(digits, power)| rounded(digits, power)) {
        Some(rounded) => format!("at most {rounded:e}"),
        None => "an unknown amount (a number is not finite)".into(),
    }
}

/// How far `network` is from `model` on images x `[images, pixels]` of classes `labels`, with standard
/// normal `eps` `[images, latent]`.
pub fn differences(
    model: &dyn Trained,
    network: &Network,
    x: ArrayView2<'_, f32>,
    labels: &[u8],
    eps: ArrayView2<'_, f32>,
) -> Differences {
    let given = model.condition(x, labels);
    let given = given.as_ref().map(|given| given.view());
    let codes = model.encode(x.into(), given);
    let drawn = model.sample_prior(eps, given);
    let [of_codes, of_drawn] = [&codes.mean, &drawn].map(|z| model.decode(z.view(), given));
    let elbo = model.elbo(x, given, eps);
    let classes = model.log_classes(x);
    let mut found = Differences::default();
    for (row, &label) in labels.iter().enumerate() {
        let x = double(x.row(row));
        let c = network.condition_of(&x, label.into());
        if let Some(given) = given {
            apart(&mut found.condition, given.row(row), &c);
        }
        let (mean, log_var) = network.encode(&x, &c);
        apart(&mut found.code, codes.mean.row(row), &mean);
        if let (Some(expected), Some(log_var)) = (&codes.log_var, &log_var) {
            apart(&mut found.code, expected.row(row), log_var);
        } else if codes.log_var.is_some() != log_var.is_some() {
            found.code = f64::INFINITY;
        }
        if let Some(log_p) = network.log_classes(&x) {
            match &classes {
                Some(expected) => apart(&mut found.classes, expected.row(row), &log_p),
                None => found.classes = f64::INFINITY,
            }
        }
        let eps = double(eps.row(row));
        apart(&mut found.prior, drawn.row(row), &network.sample_prior(&eps, &c));
        for (z, image) in [(&codes.mean, &of_codes), (&drawn, &of_drawn)] {
            apart(&mut found.image, image.row(row), &network.decode(&double(z.row(row)), &c));
        }
        if let (Some(elbo), Some(log_var)) = (&elbo, log_var) {
            let spread = mean.iter().zip(log_var).zip(eps);
            let z: Vec<f64> =
                spread.map(|((mean, log_var), eps)| mean + (0.5 * log_var).exp() * eps).collect();
            let expected = elbo.reconstruction.slice(ndarray::s![row..=row]);
            apart(&mut found.reconstruction, expected, &[-network.log_prob(&x, &z, &c)]);
        }
    }
    found
}

/// How far `network` is from a model of sequences on x `[sequences, steps * width]`: the largest difference of a
/// posterior, of -log p(x_t | z_t, before) or of a KL, as a share of the model's number where that is above 1.
pub fn differences_of_steps(model: &dyn Trained, network: &Steps, x: &Array2<f32>) -> f64 {
    let mut found = 0.0;
    let count = x.ncols() / network.width.max(1);
    let keys: Vec<u64> = (0..x.nrows() as u64).collect();
    let normal = |width: usize| {
        array(x.nrows(), width, &Noise::new(1).normal(Stream::Posterior, 0, &keys, width))
    };
    if let Some(codes) = model.sequence_codes() {
        let (steps, eps) = (vec![count; x.nrows()], normal(model.latent_dim()));
        let expected = codes.encode(x, &steps);
        let terms = codes.elbo(x, &steps, &eps);
        for (row, x) in x.rows().into_iter().enumerate() {
            let x = double(x);
            let Some((mean, log_var)) = network.encode(&x) else { return f64::INFINITY };
            apart(&mut found, expected.mean.row(row), &mean);
            if let Some(expected) = &expected.log_var {
                apart(&mut found, expected.row(row), &log_var);
            }
            let z: Vec<f64> = (mean.iter().zip(&log_var).zip(eps.row(row)))
                .map(|((mean, log_var), &eps)| mean + (0.5 * log_var).exp() * f64::from(eps))
                .collect();
            let steps = followed(network, &x, &z, &[]);
            let total: f64 = steps.iter().map(|terms| terms.reconstruction).sum();
            apart(&mut found, terms.reconstruction.slice(s![row..=row]), &[total]);
        }
        return found;
    }
    let latents = model.step_widths().map_or(0, |(_, latents)| latents);
    let eps = normal(count * latents);
    let Some(expected) = model.terms_by_step(x, &eps) else { return f64::INFINITY };
    for (row, x) in x.rows().into_iter().enumerate() {
        let steps = followed(network, &double(x), &[], &double(eps.row(row)));
        let terms = |of: fn(&StepTerms) -> f64| steps.iter().map(of).collect::<Vec<f64>>();
        apart(&mut found, expected.reconstruction.row(row), &terms(|terms| terms.reconstruction));
        let kl = expected.kl_per_latent.slice(s![row, .., ..]).sum_axis(Axis(1));
        apart(&mut found, kl.view(), &terms(|terms| terms.kl));
    }
    found
}

/// The terms of each step of a sequence; `eps` has the same number of values for each step.
fn followed(network: &Steps, x: &[f64], z: &[f64], eps: &[f64]) -> Vec<StepTerms> {
    let width = network.width.max(1);
    let latents = eps.len() / (x.len() / width).max(1);
    let mut state = network.start(z);
    let mut terms = Vec::new();
    for (step, x) in x.chunks(width).enumerate() {
        let (own, after) = network.step(x, &eps[step * latents..(step + 1) * latents], &state);
        terms.push(own);
        state = after;
    }
    terms
}

fn double(row: ArrayView1<'_, f32>) -> Vec<f64> {
    row.iter().map(|&value| value.into()).collect()
}

/// Raises `largest` to the largest difference; numbers that are missing or not finite are infinitely far.
fn apart(largest: &mut f64, expected: ArrayView1<'_, f32>, found: &[f64]) {
    if expected.len() != found.len() {
        *largest = f64::INFINITY;
    }
    for (&expected, found) in expected.iter().zip(found) {
        let expected = f64::from(expected);
        let apart = (expected - found).abs() / expected.abs().max(1.0);
        *largest = if apart.is_finite() { largest.max(apart) } else { f64::INFINITY };
    }
}

/// Standard normal numbers as an array.
pub(super) fn array(rows: usize, columns: usize, values: &[f32]) -> Array2<f32> {
    Array2::from_shape_fn((rows, columns), |(row, column)| values[row * columns + column])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_rounded_up_to_one_digit() {
        for (difference, rounded) in [
            (1.4e-6, "at most 2e-6"),
            (1.0001e-6, "at most 2e-6"),
            (3e-6, "at most 3e-6"),
            (9.2e-6, "at most 1e-5"),
            (0.5, "at most 5e-1"),
            (12.0, "at most 2e1"),
            (0.0, "at most 0e0"),
            (f64::INFINITY, "an unknown amount (a number is not finite)"),
        ] {
            assert_eq!(at_most(difference), rounded);
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_infinitely_far_and_null_in_a_page() {
        for (expected, found) in [(f32::NAN, 1.0), (1.0, f64::NAN), (1.0, f64::INFINITY)] {
            let mut largest = 0.0;
            // What comes after it does not bring it nearer.
            apart(&mut largest, ndarray::aview1(&[expected, 1.0]), &[found, 1.0]);
            assert!(largest.is_infinite(), "{expected} and {found}");
            // The page says the rest.
            assert!(serde_json::json!(largest).is_null());
        }
    }
}
