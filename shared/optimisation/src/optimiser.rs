use std::marker::PhantomData;

use anyhow::Result;
use burn::{
    module::{AutodiffModule, ModuleVisitor, Param},
    optim::{
        GradientsParams, Optimizer, Sgd, SgdConfig, adaptor::OptimizerAdaptor,
        decay::WeightDecayConfig, momentum::MomentumConfig,
    },
    tensor::{Tensor, TensorPrimitive},
};
use kernels::backend::{AutodiffBackend, Backend};
use ranges::{not_negative, positive, share_below_one};
use serde::{Deserialize, Serialize};
use weights::{record_bytes, without_panic};

use super::{adagrad::Adagrad, adam::Adam, state::with_states};

/// `[train.optimiser]` of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum OptimiserConfig {
    /// Kingma & Ba 2015.
    Adam {
        /// Decay of the first moment.
        #[serde(default = "beta1", deserialize_with = "share_below_one")]
        beta1: f32,
        /// Decay of the second moment.
        #[serde(default = "beta2", deserialize_with = "share_below_one")]
        beta2: f32,
        /// Added to the root of the second moment.
        #[serde(default = "adam_epsilon", deserialize_with = "positive")]
        epsilon: f32,
        /// L2 penalty: this times the weights is added to the gradient of the mean loss. 1 / N is a prior N(0, I)
        /// on the weights, N the number of training examples.
        #[serde(default, deserialize_with = "not_negative", skip_serializing_if = "is_zero")]
        weight_decay: f32,
    },
    /// Duchi et al. 2011.
    Adagrad {
        /// Added to the root of the sum of squares.
        #[serde(default = "adagrad_epsilon", deserialize_with = "positive")]
        epsilon: f32,
        /// L2 penalty, as in `adam`.
        #[serde(default, deserialize_with = "not_negative")]
        weight_decay: f32,
    },
    /// Stochastic gradient descent.
    Sgd {
        /// Classical momentum.
        #[serde(default, deserialize_with = "share_below_one")]
        momentum: f64,
        /// L2 penalty, as in `adam`.
        #[serde(default, deserialize_with = "not_negative")]
        weight_decay: f32,
    },
}

fn beta1() -> f32 {
    0.9
}

fn beta2() -> f32 {
    0.999
}

fn adam_epsilon() -> f32 {
    1e-8
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's signature
fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

fn adagrad_epsilon() -> f32 {
    1e-8
}

impl OptimiserConfig {
    /// Numbers kept for each parameter from step to step.
    pub fn kept(&self) -> u64 {
        match self {
            Self::Adam { .. } => 2,
            Self::Adagrad { .. } => 1,
            Self::Sgd { momentum, .. } => u64::from(*momentum > 0.0),
        }
    }

    /// Adam with the paper's constants.
    pub fn adam() -> Self {
        Self::Adam { beta1: beta1(), beta2: beta2(), epsilon: adam_epsilon(), weight_decay: 0.0 }
    }
}

/// An update rule with its state for one model.
pub enum Optimiser<B: AutodiffBackend, M: AutodiffModule<B>> {
    /// Adam.
    Adam(OptimizerAdaptor<Adam, M, B>),
    /// Adagrad.
    Adagrad(OptimizerAdaptor<Adagrad, M, B>),
    /// Stochastic gradient descent.
    Sgd(OptimizerAdaptor<Sgd<B::InnerBackend>, M, B>),
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Optimiser<B, M> {
    /// A rule without state.
    pub fn new(config: &OptimiserConfig) -> Self {
        match *config {
            OptimiserConfig::Adam { beta1, beta2, epsilon, weight_decay } => {
                Self::Adam(OptimizerAdaptor::from(Adam { beta1, beta2, epsilon, weight_decay }))
            }
            OptimiserConfig::Adagrad { epsilon, weight_decay } => {
                Self::Adagrad(OptimizerAdaptor::from(Adagrad { epsilon, weight_decay }))
            }
            OptimiserConfig::Sgd { momentum, weight_decay } => {
                Self::Sgd(
                    SgdConfig::new()
                        .with_weight_decay(
                            (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay)),
                        )
                        .with_momentum((momentum > 0.0).then(|| {
                            MomentumConfig::new().with_momentum(momentum).with_dampening(0.0)
                        }))
                        .init(),
                )
            }
        }
    }

    /// The updated model.
    pub fn step(&mut self, rate: f64, model: M, gradients: GradientsParams) -> M {
        match self {
            Self::Adam(rule) => rule.step(rate, model, gradients),
            Self::Adagrad(rule) => rule.step(rate, model, gradients),
            Self::Sgd(rule) => rule.step(rate, model, gradients),
        }
    }

    /// The state, in Burn's own format.
    ///
    /// # Errors
    /// If it cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Adam(rule) => record_bytes::<B, _>(rule.to_record()),
            Self::Adagrad(rule) => record_bytes::<B, _>(rule.to_record()),
            Self::Sgd(rule) => record_bytes::<B, _>(rule.to_record()),
        }
    }

    /// The rule with the state that [`Self::to_bytes`] wrote after a step of `model`. A parameter that has had no
    /// gradient yet has no state, so that the loss of a single one goes unnoticed.
    ///
    /// # Errors
    /// If the bytes are none, or if the state is not that of this model: empty, of a parameter it does not have, or of
    /// another shape.
    pub fn with_bytes(self, model: &M, bytes: Vec<u8>, device: &B::Device) -> Result<Self> {
        without_panic(|| {
            Ok(match self {
                Self::Adam(rule) => Self::Adam(with_states(rule, model, bytes, device)?),
                Self::Adagrad(rule) => Self::Adagrad(with_states(rule, model, bytes, device)?),
                Self::Sgd(rule) => Self::Sgd(with_states(rule, model, bytes, device)?),
            })
        })
    }
}

/// 2^-96: the greatest numbers times this have squares in single precision, and sums of many.
const UNIT: f64 = 1.0 / (1u128 << 96) as f64;

/// Scales all gradients together so that their joint Euclidean norm is at most `norm`
/// (Pascanu et al. 2013); all are NaN if it is not finite. Burn's own clipping looks at one parameter at a time.
pub fn clip<B: AutodiffBackend, M: AutodiffModule<B>>(
    model: &M,
    gradients: GradientsParams,
    norm: f64,
) -> GradientsParams {
    let mut found = joint_norm::<B, M>(model, &gradients, 1.0);
    if !found.is_finite() {
        // Squares of numbers above 1.8e19 are infinite.
        found = joint_norm::<B, M>(model, &gradients, UNIT) / UNIT;
    }
    if found <= norm {
        return gradients;
    }
    // Divided by infinity the factor would be 0: finite gradients would vanish, and the loss would only stop falling.
    let factor = if found.is_finite() { norm / found } else { f64::NAN };
    let mut scale = Scale::<B> { gradients, factor, backend: PhantomData };
    model.visit(&mut scale);
    scale.gradients
}

/// The Euclidean norm of all gradients times `unit`; 0 if there are none.
fn joint_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    model: &M,
    gradients: &GradientsParams,
    unit: f64,
) -> f64 {
    let mut squares = Squares::<B> { gradients, unit, found: Vec::new() };
    model.visit(&mut squares);
    if squares.found.is_empty() {
        return 0.0;
    }
    // Read at once: each reading waits for the device.
    let squares = Tensor::cat(squares.found, 0).into_data();
    squares.iter::<f32>().map(f64::from).sum::<f64>().sqrt()
}

/// The sum of squares of each parameter's gradient times `unit`.
struct Squares<'a, B: AutodiffBackend> {
    gradients: &'a GradientsParams,
    unit: f64,
    found: Vec<Tensor<B::InnerBackend, 1>>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Squares<'_, B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
            let gradient = if self.unit == 1.0 { gradient } else { gradient.mul_scalar(self.unit) };
            let square = gradient.square().into_primitive().tensor();
            let total = <B::InnerBackend as Backend>::total(square);
            self.found.push(Tensor::from_primitive(TensorPrimitive::Float(total)));
        }
    }
}

struct Scale<B> {
    gradients: GradientsParams,
    factor: f64,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Scale<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) {
            let scaled = if self.factor < f64::from(f32::MIN_POSITIVE) {
                // By itself it would have lost its digits, and be 0 on some devices.
                gradient.mul_scalar(UNIT).mul_scalar(self.factor / UNIT)
            } else {
                gradient.mul_scalar(self.factor)
            };
            self.gradients.register(param.id, scaled);
        }
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::{
        backend::Autodiff,
        module::ParamId,
        optim::{AdaGrad, AdaGradConfig, AdamConfig, record::AdaptorRecord},
    };
    use kernels::{
        backend::Flex,
        nn::{Activation, Dense, Init, Initialiser},
        noise::Noise,
    };

    use super::*;
    use crate::adam::AdamState;

    /// One of each kind that keeps a state.
    fn rules() -> [OptimiserConfig; 3] {
        [
            OptimiserConfig::adam(),
            OptimiserConfig::Adagrad { epsilon: 1e-8, weight_decay: 0.01 },
            OptimiserConfig::Sgd { momentum: 0.9, weight_decay: 0.01 },
        ]
    }

    type B = Autodiff<Flex>;
    type Rule = Optimiser<B, Dense<B>>;
    type AdamOfLayer = OptimizerAdaptor<Adam, Dense<B>, B>;
    /// The states of Adam by the parameters' ids.
    type States = <AdamOfLayer as Optimizer<Dense<B>, B>>::Record;

    fn layer() -> Dense<B> {
        layer_of(3)
    }

    fn layer_of(inputs: usize) -> Dense<B> {
        let device = Default::default();
        let mut init = Initialiser::new(Init::Glorot, Noise::new(1), &device);
        Dense::new(inputs, 2, Activation::Linear, &mut init)
    }

    /// Gradients of a loss whose slope in each weight is 7.
    fn gradients(layer: &Dense<B>) -> GradientsParams {
        with_slope(layer, 7.0)
    }

    fn with_slope(layer: &Dense<B>, slope: f32) -> GradientsParams {
        let [inputs, _] = layer.weight.val().dims();
        let x = Tensor::<B, 2>::full([1, inputs], slope, &Default::default());
        GradientsParams::from_grads(layer.forward(x).sum().backward(), layer)
    }

    fn weight(layer: &Dense<B>) -> Vec<f32> {
        layer.weight.val().into_data().iter::<f32>().collect()
    }

    #[test]
    fn clipping_bounds_the_joint_norm_and_keeps_the_direction() {
        let layer = layer();
        // Six slopes of 7 and two of 1.
        let norm = f64::sqrt(6.0 * 49.0 + 2.0);
        let values = |gradients: GradientsParams| -> Vec<f32> {
            let weight = gradients.get::<Flex, 2>(layer.weight.id).unwrap();
            let bias = gradients.get::<Flex, 1>(layer.bias.id).unwrap();
            weight.into_data().iter::<f32>().chain(bias.into_data().iter::<f32>()).collect()
        };
        let free = values(clip::<B, _>(&layer, gradients(&layer), 2.0 * norm));
        let bound = values(clip::<B, _>(&layer, gradients(&layer), 0.5));
        assert_eq!(free, [7.0, 7.0, 7.0, 7.0, 7.0, 7.0, 1.0, 1.0]);
        for (bound, free) in bound.iter().zip(&free) {
            assert!((f64::from(*bound) - f64::from(*free) * 0.5 / norm).abs() < 1e-6);
        }
    }

    #[test]
    fn a_gradient_whose_square_is_infinite_is_clipped_to_the_norm() {
        let layer = layer();
        for slope in [1e25, 3e38] {
            for norm in [0.5, 1e-4] {
                let clipped = clip::<B, _>(&layer, with_slope(&layer, slope), norm);
                let weight = clipped.get::<Flex, 2>(layer.weight.id).unwrap().into_data();
                let square: f64 = weight.iter::<f32>().map(|w| f64::from(w).powi(2)).sum();
                assert!((square.sqrt() / norm - 1.0).abs() < 1e-5, "{slope} {norm}: {square}");
            }
        }
    }

    #[test]
    fn where_the_norm_is_not_finite_no_gradient_is() {
        let layer = layer();
        for slope in [f32::INFINITY, f32::NAN] {
            let clipped = clip::<B, _>(&layer, with_slope(&layer, slope), 0.5);
            // The slopes of the biases are 1.
            let bias = clipped.get::<Flex, 1>(layer.bias.id).unwrap().into_data();
            assert!(bias.iter::<f32>().all(f32::is_nan), "{slope}");
        }
    }

    #[test]
    fn every_rule_goes_downhill_and_its_state_survives_bytes() {
        for config in rules() {
            let mut rule = Optimiser::new(&config);
            let start = layer();
            let before = weight(&start);
            let gradient = gradients(&start);
            let once = rule.step(0.01, start, gradient);
            assert!(weight(&once).iter().zip(&before).all(|(a, b)| a < b), "{config:?}");
            let bytes = rule.to_bytes().unwrap();
            let restored = Rule::new(&config).with_bytes(&once, bytes, &Default::default());
            let twice = |mut rule: Rule| {
                let gradient = gradients(&once);
                weight(&rule.step(0.01, once.clone(), gradient))
            };
            assert_eq!(twice(restored.unwrap()), twice(rule), "{config:?}");
        }
    }

    #[test]
    fn every_rule_refuses_a_state_of_another_shape() {
        for config in rules() {
            let (mut rule, larger) = (Rule::new(&config), layer_of(4));
            let gradient = gradients(&larger);
            let stepped = rule.step(0.01, larger, gradient);
            let refusal = |model: &Dense<B>| {
                let bytes = rule.to_bytes().unwrap();
                let restored = Rule::new(&config).with_bytes(model, bytes, &Default::default());
                restored.err().map(|error| error.to_string())
            };
            assert_eq!(refusal(&stepped), None, "{config:?}");
            let said = refusal(&layer()).unwrap();
            assert!(said.ends_with("is of shape [4, 2], expected [3, 2]"), "{config:?}: {said}");
        }
    }

    /// Why a state of Adam after a step is refused when it has been changed.
    fn refusal(change: impl FnOnce(&mut States)) -> Option<String> {
        let adam = Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weight_decay: 0.0 };
        let (mut rule, start) = (AdamOfLayer::from(adam), layer());
        let gradient = gradients(&start);
        let stepped = rule.step(0.01, start, gradient);
        let mut states = rule.to_record();
        change(&mut states);
        let Ok(bytes) = record_bytes::<B, _>(states) else { return Some("not written".into()) };
        let fresh = Rule::new(&OptimiserConfig::adam());
        let restored = fresh.with_bytes(&stepped, bytes, &Default::default());
        restored.err().map(|error| error.to_string())
    }

    #[test]
    fn a_state_that_is_not_that_of_the_model_is_refused_and_why() {
        let (weight, bias) = (layer().weight.id, layer().bias.id);
        let state = |time: usize| {
            let moment = || Tensor::<Flex, 2>::zeros([3, 2], &Default::default());
            let state = AdamState { time, first: moment(), second: moment() };
            AdaptorRecord::<Adam, B>::from_state::<2>(state)
        };
        let name = format!("its state of parameter {}", weight.val());
        // Of the parameter of another rank.
        let said = refusal(|states| {
            let [of_weight, of_bias] = [weight, bias].map(|id| states.remove(&id).unwrap());
            states.extend([(weight, of_bias), (bias, of_weight)]);
        });
        assert_eq!(said.unwrap(), format!("{name} is not of 2 dimensions, as [3, 2] is"));
        let said = refusal(|states| states.extend([(weight, state(usize::MAX))]));
        let steps = usize::MAX;
        assert_eq!(
            said.unwrap(),
            format!("{name} has counted {steps} steps: there is no next one")
        );
        assert_eq!(refusal(|states| states.extend([(weight, state(usize::MAX - 1))])), None);
        let said = refusal(|states| states.extend([(ParamId::from(99), state(1))]));
        assert_eq!(said.unwrap(), "it has a state of parameter 99, which the model does not have");
        let said = refusal(|states| states.clear());
        assert_eq!(said.unwrap(), "it has no state of any parameter");
        // As that of a parameter that has had no gradient yet.
        assert_eq!(refusal(|states| drop(states.remove(&bias))), None);
    }

    /// Slopes, step by step. Of one that stays the same, the moments' corrected ratio is 1 whatever their decays are.
    const SLOPES: [f32; 10] = [7.0, -2.0, 0.3, 5.0, -6.0, 7.0, -2.0, 0.3, 5.0, -6.0];

    /// The layers after a step of our rule and of Burn's, which must agree.
    fn in_step(
        own: &mut Rule,
        mine: Dense<B>,
        theirs: &mut impl Optimizer<Dense<B>, B>,
        other: Dense<B>,
        slope: f32,
    ) -> (Dense<B>, Dense<B>) {
        let (gradient, of_other) = (with_slope(&mine, slope), with_slope(&other, slope));
        let (mine, other) = (own.step(0.01, mine, gradient), theirs.step(0.01, other, of_other));
        for (a, b) in weight(&mine).iter().zip(weight(&other)) {
            assert!((a - b).abs() <= 1e-6 * b.abs().max(1.0), "{slope}: {a} {b}");
        }
        (mine, other)
    }

    #[test]
    fn adam_and_its_weight_decay_are_burns_own() {
        for (beta1, beta2, weight_decay) in
            [(0.9, 0.999, 0.0), (0.9, 0.999, 0.8), (0.7, 0.95, 0.0), (0.7, 0.95, 0.8)]
        {
            let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay));
            let config = AdamConfig::new()
                .with_beta_1(beta1)
                .with_beta_2(beta2)
                .with_epsilon(1e-8)
                .with_weight_decay(decay);
            let mut theirs: OptimizerAdaptor<_, Dense<B>, B> = config.init();
            let mut own =
                Rule::new(&OptimiserConfig::Adam { beta1, beta2, epsilon: 1e-8, weight_decay });
            let (mut mine, mut other) = (layer(), layer());
            for slope in SLOPES {
                (mine, other) = in_step(&mut own, mine, &mut theirs, other, slope);
            }
        }
    }

    #[test]
    fn adagrad_is_burns_own_and_continues_from_its_state() {
        let rule =
            |weight_decay| Rule::new(&OptimiserConfig::Adagrad { epsilon: 1e-8, weight_decay });
        for weight_decay in [0.0, 0.8] {
            let burns = || -> OptimizerAdaptor<AdaGrad, Dense<B>, B> {
                let decay = (weight_decay > 0.0).then(|| WeightDecayConfig::new(weight_decay));
                AdaGradConfig::new().with_epsilon(1e-8).with_weight_decay(decay).init()
            };
            let (mut own, mut theirs) = (rule(weight_decay), burns());
            let (mut mine, mut other) = (layer(), layer());
            for (step, slope) in SLOPES.into_iter().enumerate() {
                // The state of Burn's rule is what checkpoints of earlier versions hold.
                if step == 5 {
                    let bytes = record_bytes::<B, _>(theirs.to_record()).unwrap();
                    let fresh = rule(weight_decay);
                    own = fresh.with_bytes(&mine, bytes, &Default::default()).unwrap();
                }
                (mine, other) = in_step(&mut own, mine, &mut theirs, other, slope);
            }
        }
    }
}
