//! Smooth functions of many numbers minimised by L-BFGS.

use std::sync::{Mutex, PoisonError};

use anyhow::{Result, anyhow, bail};
use argmin::{
    core::{CostFunction, Executor, Gradient, State},
    solver::{linesearch::MoreThuenteLineSearch, quasinewton::LBFGS},
};

/// Steps whose curvature is remembered.
const MEMORY: usize = 10;

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stopping {
    /// The gradient's norm is below this.
    pub gradient: f64,
    /// A step gains less than this; 0 for never.
    pub gain: f64,
    /// Most steps.
    pub iterations: u64,
}

impl Stopping {
    /// A warning if the fit of `what` to this many examples ended with a gradient more than ten times as large as
    /// [`Self::gradient`].
    #[must_use]
    pub fn not_converged(&self, what: &str, examples: usize, gradient_norm: f64) -> Option<String> {
        (gradient_norm > 10.0 * self.gradient).then(|| {
            format!(
                "{what} on {examples} examples: not converged, gradient norm {gradient_norm:.1e}"
            )
        })
    }
}

/// The least value found.
#[derive(Clone, Debug, PartialEq)]
pub struct Minimum {
    /// Where.
    pub at: Vec<f64>,
    /// The value.
    pub value: f64,
    /// Norm of the gradient there.
    pub gradient_norm: f64,
    /// Why the search ended, in the solver's words.
    pub ended: String,
}

/// A function's value and gradient.
type Evaluated = (f64, Vec<f64>);

/// What was computed before: a solver asks for the value and for the gradient one after the other.
#[derive(Default)]
struct Memory {
    last: Option<(Vec<f64>, Evaluated)>,
    best: Option<(Vec<f64>, Evaluated)>,
}

struct Remembered<'a, F> {
    function: &'a F,
    memory: &'a Mutex<Memory>,
}

impl<F: Fn(&[f64]) -> Evaluated> Remembered<'_, F> {
    fn at<T>(&self, param: &[f64], of: impl FnOnce(&Evaluated) -> T) -> T {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, found)) = &memory.last
            && at == param
        {
            return of(found);
        }
        let found = (self.function)(param);
        let result = of(&found);
        if found.0.is_finite() && memory.best.as_ref().is_none_or(|(_, best)| found.0 < best.0) {
            memory.best = Some((param.to_vec(), found.clone()));
        }
        memory.last = Some((param.to_vec(), found));
        result
    }
}

impl<F: Fn(&[f64]) -> Evaluated> CostFunction for Remembered<'_, F> {
    type Param = Vec<f64>;
    type Output = f64;

    fn cost(&self, param: &Vec<f64>) -> Result<f64, argmin::core::Error> {
        Ok(self.at(param, |found| found.0))
    }
}

impl<F: Fn(&[f64]) -> Evaluated> Gradient for Remembered<'_, F> {
    type Param = Vec<f64>;
    type Gradient = Vec<f64>;

    fn gradient(&self, param: &Vec<f64>) -> Result<Vec<f64>, argmin::core::Error> {
        Ok(self.at(param, |found| found.1.clone()))
    }
}

/// Minimises `function`, which returns its value and its gradient, from `start` on.
///
/// A line search that finds no better point ends the search: at a kink of the function that is
/// what a minimum looks like.
///
/// # Errors
/// If the function is not finite anywhere it was tried.
pub fn minimise(
    function: impl Fn(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    stopping: Stopping,
) -> Result<Minimum> {
    let memory = Mutex::new(Memory::default());
    let problem = Remembered { function: &function, memory: &memory };
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), MEMORY)
        .with_tolerance_grad(stopping.gradient)
        .and_then(|solver| solver.with_tolerance_cost(stopping.gain))
        .map_err(|e| anyhow!("L-BFGS: {e}"))?;
    let ended = Executor::new(problem, solver)
        .configure(|state| state.param(start).max_iters(stopping.iterations))
        .run()
        .map_or_else(
            |e| e.to_string(),
            |result| result.state().get_termination_status().to_string(),
        );
    let memory = memory.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Some((at, (value, gradient))) = memory.best else {
        bail!("L-BFGS: the function is not finite ({ended})");
    };
    let gradient_norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    Ok(Minimum { at, value, gradient_norm, ended })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STOPPING: Stopping = Stopping { gradient: 1e-8, gain: 0.0, iterations: 500 };

    #[test]
    fn rosenbrock_has_its_minimum_at_one() {
        let function = |p: &[f64]| {
            let (x, y) = (p[0], p[1]);
            let value = (1.0 - x).powi(2) + 100.0 * (y - x * x).powi(2);
            let slope = 200.0 * (y - x * x);
            (value, vec![-2.0 * (1.0 - x) - 2.0 * x * slope, slope])
        };
        let found = minimise(function, vec![-1.2, 1.0], STOPPING).unwrap();
        assert!(found.value < 1e-12 && found.gradient_norm < 1e-6, "{found:?}");
        assert!(found.at.iter().all(|v| (v - 1.0).abs() < 1e-6), "{found:?}");
    }

    #[test]
    fn a_kink_is_no_failure_and_a_function_without_values_is() {
        let kink = |p: &[f64]| (p[0].abs() + p[1] * p[1], vec![p[0].signum(), 2.0 * p[1]]);
        let found = minimise(kink, vec![0.7, -2.0], STOPPING).unwrap();
        assert!(found.value < 1e-3, "{found:?}");
        assert!(minimise(|p| (f64::NAN, p.to_vec()), vec![1.0], STOPPING).is_err());
    }
}
