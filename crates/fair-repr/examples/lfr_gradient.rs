//! Value and gradient of the LFR objective for a problem on standard input, so that another
//! implementation can be compared (`scripts/reference/lfr_numpy.py`).

use std::io::Read;

use anyhow::{Context, Result};
use fair_repr::{
    config::LfrConfig,
    lfr::{Lfr, Parameters},
};
use ndarray::{Array1, Array2};
use serde::Deserialize;

/// Everything row by row.
#[derive(Deserialize)]
struct Problem {
    x: Vec<Vec<f32>>,
    y: Vec<u8>,
    s: Vec<u8>,
    prototypes: Vec<Vec<f64>>,
    predictions: Vec<f64>,
    weights: Vec<Vec<f64>>,
    a_x: f64,
    a_y: f64,
    a_z: f64,
}

fn array<T: Copy>(rows: &[Vec<T>]) -> Result<Array2<T>> {
    let width = rows.first().map_or(0, Vec::len);
    Array2::from_shape_vec((rows.len(), width), rows.concat()).context("rows of different widths")
}

fn main() -> Result<()> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let problem: Problem = serde_json::from_str(&text)?;
    let Problem { a_x, a_y, a_z, .. } = problem;
    let config = LfrConfig { a_x, a_y, a_z, ..LfrConfig::default() };
    let parameters = Parameters {
        prototypes: array(&problem.prototypes)?,
        predictions: Array1::from(problem.predictions),
        weights: array(&problem.weights)?,
    };
    let prototypes = parameters.predictions.len();
    let lfr = Lfr::new(array(&problem.x)?.view(), &problem.y, &problem.s, prototypes, config);
    let (terms, gradient) = lfr.gradient(&parameters);
    let rows = |array: &Array2<f64>| -> Vec<Vec<f64>> {
        array.rows().into_iter().map(|row| row.to_vec()).collect()
    };
    let found = serde_json::json!({
        "reconstruction": terms.reconstruction,
        "prediction": terms.prediction,
        "parity": terms.parity,
        "loss": terms.loss(&config),
        "by_prototypes": rows(&gradient.prototypes),
        "by_predictions": gradient.predictions.to_vec(),
        "by_weights": rows(&gradient.weights),
    });
    shared::print_line!("{found}");
    Ok(())
}
