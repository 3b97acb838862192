//! Laws of models for tests to state, whatever the paper: each parameter has a gradient, and it is the
//! slope of the loss.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};

use crate::backend::{AutodiffBackend, Backend};

/// The gradient of one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterGradient {
    /// Path of the parameter in the model.
    pub name: String,
    /// Its gradient, row by row; empty if it has none.
    pub values: Vec<f64>,
}

impl ParameterGradient {
    /// True if something moves the parameter.
    pub fn is_there(&self) -> bool {
        self.values.iter().any(|&slope| slope != 0.0)
    }

    /// The entry with the steepest slope, which is the best conditioned.
    fn steepest(&self) -> Option<(usize, f64)> {
        let entries = self.values.iter().copied().enumerate();
        entries.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()))
    }
}

/// The gradients of all parameters of a model, in order.
pub fn gradients<B: AutodiffBackend, M: Module<B>>(
    model: &M,
    of: &GradientsParams,
) -> Vec<ParameterGradient> {
    struct Visitor<'a> {
        of: &'a GradientsParams,
        path: Vec<String>,
        found: Vec<ParameterGradient>,
    }
    impl<B: AutodiffBackend> ModuleVisitor<B> for Visitor<'_> {
        fn enter_module(&mut self, name: &str, _: &str) {
            self.path.push(name.into());
        }

        fn exit_module(&mut self, _: &str, _: &str) {
            self.path.pop();
        }

        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let gradient = self.of.get::<B::InnerBackend, D>(param.id);
            self.found.push(ParameterGradient {
                name: self.path.join("."),
                values: gradient.map_or_else(Vec::new, |g| g.into_data().iter::<f64>().collect()),
            });
        }
    }
    let mut visitor = Visitor { of, path: Vec::new(), found: Vec::new() };
    model.visit(&mut visitor);
    visitor.found
}

/// The model with one number of one parameter changed.
pub fn nudged<B: Backend, M: Module<B>>(model: M, parameter: usize, entry: usize, by: f32) -> M {
    struct Nudge {
        parameter: usize,
        entry: usize,
        by: f32,
        seen: usize,
    }
    impl<B: Backend> ModuleMapper<B> for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, mut tensor, mapper) = param.consume();
            if self.seen == self.parameter {
                let (shape, device) = (tensor.dims(), tensor.device());
                let mut values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
                values[self.entry] += self.by;
                tensor = Tensor::from_data(TensorData::new(values, shape), &device);
            }
            self.seen += 1;
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    model.map(&mut Nudge { parameter, entry, by, seen: 0 })
}

/// What disagrees between gradients and slopes of the mean loss, which `loss(parameter, entry, by)`
/// gives with one number changed: for each parameter at its steepest entry, by a difference of fourth
/// order, so that a `step` can be wide enough for single precision: 0.02, less where the loss has kinks.
pub fn disagreements(
    gradients: &[ParameterGradient],
    step: f32,
    loss: impl Fn(usize, usize, f32) -> f64,
) -> Vec<String> {
    let mut found = Vec::new();
    for (parameter, gradient) in gradients.iter().enumerate() {
        let Some((entry, expected)) = gradient.steepest() else { continue };
        let difference = |by: f32| loss(parameter, entry, by) - loss(parameter, entry, -by);
        let slope = (8.0 * difference(step) - difference(2.0 * step)) / (12.0 * f64::from(step));
        // Not <=, which a NaN would pass.
        if !((slope - expected).abs() < 0.02 * expected.abs().max(0.05)) {
            found.push(format!("{}[{entry}]: slope {slope}, gradient {expected}", gradient.name));
        }
    }
    found
}
