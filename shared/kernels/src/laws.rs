//! Laws of models for tests to state, whatever the paper: each parameter has a gradient, and it is the
//! slope of the loss.

use burn::{
    module::{Module, ModuleMapper, ModuleVisitor, Param},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};

use crate::{
    backend::{AutodiffBackend, Backend},
    noise::{Noise, Stream},
};

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

    /// The slope along a vector, and the root mean square of those along all unit vectors.
    fn along(&self, vector: &[f32]) -> (f64, f64) {
        let products = self.values.iter().zip(vector).map(|(g, &v)| g * f64::from(v));
        let squares: f64 = self.values.iter().map(|g| g * g).sum();
        (products.sum(), (squares / self.values.len() as f64).sqrt())
    }
}

/// Which numbers of a parameter change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// One, counted row by row.
    Entry(usize),
    /// All, along a random unit vector, the same for the same parameter.
    Random,
}

impl Direction {
    /// The change of each of `count` numbers, for a step of 1.
    fn vector(self, parameter: usize, count: usize) -> Vec<f32> {
        match self {
            Self::Entry(entry) => (0..count).map(|at| f32::from(at == entry)).collect(),
            Self::Random => {
                let drawn = Noise::new(0).normal(Stream::Generate, parameter as u64, &[0], count);
                let squares: f64 = drawn.iter().map(|&v| f64::from(v).powi(2)).sum();
                drawn.iter().map(|v| v / squares.sqrt() as f32).collect()
            }
        }
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

/// The model with one parameter changed by this much along a direction.
pub fn nudged<B: Backend, M: Module<B>>(
    model: M,
    parameter: usize,
    direction: Direction,
    by: f32,
) -> M {
    struct Nudge {
        parameter: usize,
        direction: Direction,
        by: f32,
        seen: usize,
    }
    impl<B: Backend> ModuleMapper<B> for Nudge {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
            let (id, mut tensor, mapper) = param.consume();
            if self.seen == self.parameter {
                let (shape, device) = (tensor.dims(), tensor.device());
                let mut values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
                let vector = self.direction.vector(self.parameter, values.len());
                values.iter_mut().zip(vector).for_each(|(value, along)| *value += self.by * along);
                tensor = Tensor::from_data(TensorData::new(values, shape), &device);
            }
            self.seen += 1;
            Param::from_mapped_value(id, tensor, mapper)
        }
    }
    model.map(&mut Nudge { parameter, direction, by, seen: 0 })
}

/// Slopes from differences of the loss over a step to either side and over two.
struct Slopes {
    near: f64,
    far: f64,
    /// The loss itself, which is rounded.
    size: f64,
}

impl Slopes {
    fn of(step: f32, loss: impl Fn(f32) -> f64) -> Self {
        let [above, below] = [loss(step), loss(-step)];
        let far = loss(2.0 * step) - loss(-2.0 * step);
        let step = f64::from(step);
        Self {
            near: (above - below) / (2.0 * step),
            far: far / (4.0 * step),
            size: above.abs().max(below.abs()),
        }
    }

    /// The slope by a difference of fourth order.
    fn fourth(&self) -> f64 {
        (4.0 * self.near - self.far) / 3.0
    }
}

/// What disagrees between gradients and slopes of the mean loss, which `loss(parameter, direction, by)` gives with one
/// parameter changed. Each parameter is looked at along its steepest entry and along a random direction of all, by
/// differences of fourth order, so that a `step` can be wide enough for single precision: 0.02, less where the loss has
/// kinks. One without a gradient is skipped: which those are is for the caller to say.
///
/// Along a random unit vector the loss bends less than along its steepest entry, so that the step serves for both, but the
/// slope is that of a typical entry. It may be off by a tenth of that, which covers kinks and no wrong signs; by eight
/// roundings of the loss over the step; and by three times what the slopes over one step and over two differ by, since a
/// jump of the loss within a step costs 7/3 of it.
pub fn disagreements(
    gradients: &[ParameterGradient],
    step: f32,
    loss: impl Fn(usize, Direction, f32) -> f64,
) -> Vec<String> {
    let mut found = Vec::new();
    for (parameter, gradient) in gradients.iter().enumerate() {
        let Some((entry, expected)) = gradient.steepest() else { continue };
        let name = &gradient.name;
        let slope = Slopes::of(step, |by| loss(parameter, Direction::Entry(entry), by)).fourth();
        // Not <=, which a NaN would pass.
        if !((slope - expected).abs() < 0.02 * expected.abs().max(0.05)) {
            found.push(format!("{name}[{entry}]: slope {slope}, gradient {expected}"));
        }
        let vector = Direction::Random.vector(parameter, gradient.values.len());
        let (expected, typical) = gradient.along(&vector);
        let slopes = Slopes::of(step, |by| loss(parameter, Direction::Random, by));
        let rounding = 8.0 * f64::from(f32::EPSILON) * slopes.size / f64::from(step);
        let apart = 3.0 * (slopes.near - slopes.far).abs();
        let (slope, tolerance) =
            (slopes.fourth(), 0.1 * expected.abs().max(typical) + rounding + apart);
        if !((slope - expected).abs() <= tolerance) {
            found.push(format!("{name}, random direction: slope {slope}, gradient {expected}"));
        }
    }
    found
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::{backend::Autodiff, module::AutodiffModule};

    use super::*;
    use crate::{
        backend::Flex,
        matrix,
        nn::{Activation, Init, Initialiser, Mlp},
    };

    type B = Autodiff<Flex>;

    fn loss<B: Backend>(model: &Mlp<B>) -> Tensor<B, 1> {
        let x = Noise::new(2).normal(Stream::Generate, 0, &[0], 6 * 7);
        let y = model.forward(matrix(x, [6, 7], &B::Device::default()));
        y.sub_scalar(0.5).square().sum()
    }

    /// Gradients of a perceptron, and what disagrees with them after a change.
    fn found(change: impl Fn(&mut ParameterGradient)) -> (usize, Vec<String>) {
        let device = Default::default();
        let mut init = Initialiser::<B>::new(Init::Glorot, Noise::new(1), &device);
        let model = Mlp::new(7, &[9, 8, 5], Activation::Tanh, &mut init);
        let of = GradientsParams::from_grads(loss(&model).backward(), &model);
        let mut gradients = gradients(&model, &of);
        gradients.iter_mut().for_each(change);
        let wrong = disagreements(&gradients, 0.02, |parameter, direction, by| {
            let model = nudged(model.valid(), parameter, direction, by);
            f64::from(loss(&model).into_scalar())
        });
        (gradients.len(), wrong)
    }

    #[test]
    fn right_gradients_agree() {
        assert_eq!(found(|_| ()), (6, Vec::new()));
    }

    #[test]
    fn a_wrong_sign_of_all_but_the_steepest_entry_is_noticed() {
        let (parameters, wrong) = found(|gradient| {
            let steepest = gradient.steepest().map(|(entry, _)| entry);
            for (entry, slope) in gradient.values.iter_mut().enumerate() {
                if Some(entry) != steepest {
                    *slope = -*slope;
                }
            }
        });
        // A direction along which the others cancel is rare.
        assert!(wrong.len() * 3 >= parameters * 2, "{wrong:?}");
        assert!(wrong.iter().all(|wrong| wrong.contains("random")), "{wrong:?}");
    }

    #[test]
    fn a_wrong_steepest_entry_is_noticed() {
        let (parameters, wrong) = found(|gradient| {
            if let Some((entry, _)) = gradient.steepest() {
                gradient.values[entry] *= 1.1;
            }
        });
        let of_entries = wrong.iter().filter(|wrong| !wrong.contains("random")).count();
        assert_eq!(of_entries, parameters, "{wrong:?}");
    }

    #[test]
    fn a_parameter_without_a_gradient_is_skipped() {
        assert_eq!(found(|gradient| gradient.values.clear()).1, Vec::<String>::new());
    }
}
