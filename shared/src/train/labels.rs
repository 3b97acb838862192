use std::{fmt::Debug, path::Path};

use anyhow::{Result, bail};
use burn::{module::Module, tensor::activation};
use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};

use super::{Moment, Objective, Terms};
use crate::{
    autoencoder::Autoencoder,
    backend::Backend,
    data::{Batch, BatchMaker, Binarise, Split, Splits},
    likelihood::row_sums,
    metrics::balanced_subset,
    nn::{Activation, Dense, Init, Initialiser},
    noise::{Noise, Stream},
    weights,
};

/// `[train.labels]`: a second objective for any autoencoder, "output the label" beside "reproduce the
/// input". A softmax layer on the code learns the classes of a few training examples with it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsConfig {
    /// Training examples whose label is known: the same that a probe with as many labels gets.
    pub count: usize,
    /// What a nat of -log p(label|code) counts beside a nat of the model's own loss.
    pub weight: f64,
    /// Labelled examples looked at in a step; all of them if there are fewer.
    #[serde(default = "batch")]
    pub batch: usize,
}

fn batch() -> usize {
    100
}

impl LabelsConfig {
    /// The error in the numbers, if any.
    pub fn problem(&self) -> Option<String> {
        if self.count < 2 {
            Some(format!("count = {}: at least 2", self.count))
        } else if self.batch == 0 {
            Some("batch = 0: at least 1".into())
        } else if !(self.weight > 0.0 && self.weight.is_finite()) {
            Some(format!("weight = {}: a finite number above 0", self.weight))
        } else {
            None
        }
    }
}

/// A model and the softmax layer on its code, where labels are learned too.
#[derive(Module, Debug)]
pub(super) struct Headed<B: Backend, M> {
    pub(super) model: M,
    pub(super) head: Option<Dense<B>>,
}

/// Beyond the parameters of any model, so that the layer's are not taken for those.
const FIRST_PARAMETER: u64 = 1 << 32;

impl<B: Backend, M: Autoencoder<B>> Headed<B, M> {
    pub(super) fn new(model: M, labels: Option<&Labels<'_>>, device: &B::Device) -> Self {
        let head = labels.map(|labels| fresh_head(model.latent_dim(), labels.classes, device));
        Self { model, head }
    }
}

/// Labelled examples.
pub(super) struct Labels<'a> {
    config: LabelsConfig,
    split: &'a Split,
    /// The labelled ones among them.
    known: Vec<usize>,
    classes: usize,
    binarise: Binarise,
    noise: Noise,
}

impl<'a> Labels<'a> {
    pub(super) fn new(
        config: LabelsConfig,
        data: &'a Splits,
        binarise: Binarise,
        noise: Noise,
    ) -> Result<Self> {
        let split = &data.train;
        let labels = split.labels();
        if config.count > labels.len() {
            bail!("[train.labels] count = {}: there are {} examples", config.count, labels.len());
        }
        let classes = data.classes();
        if classes < 2 {
            bail!("[train.labels]: the training examples have no classes to learn");
        }
        let known = balanced_subset(&labels, config.count, noise);
        Ok(Self { config, split, known, classes, binarise, noise })
    }

    /// A batch of labelled examples for a step of an epoch.
    fn draw<B: Backend>(&self, beside: &Batch<B>) -> Batch<B> {
        let (epoch, mut known) = (beside.epoch(), self.known.clone());
        let mut generator = self.noise.generator(Stream::Label, epoch, beside.first_key());
        let (chosen, _) = known.partial_shuffle(&mut generator, self.config.batch);
        BatchMaker::new(self.split.clone(), self.binarise, self.noise, beside.device())
            .batch(chosen, epoch)
    }
}

/// The model's own loss + weight * -E_q log p(label|z), one draw of z, in nats.
///
/// In training the second term is the mean over a batch of labelled examples, the same for every
/// example of the batch; in validation, where all labels are known, it is each example's own.
pub(super) struct JointObjective<'a, O> {
    pub(super) objective: &'a O,
    pub(super) labels: Option<Labels<'a>>,
}

impl<B, M, O> Objective<B, Headed<B, M>> for JointObjective<'_, O>
where
    B: Backend,
    M: Autoencoder<B>,
    O: Objective<B, M>,
{
    fn terms(&self, headed: &Headed<B, M>, batch: &Batch<B>, at: Moment) -> Terms<B> {
        let mut terms = self.objective.terms(&headed.model, batch, at);
        let (Some(labels), Some(head)) = (&self.labels, &headed.head) else { return terms };
        let classify = |batch: &Batch<B>| {
            // As for the decoder: a code that is read through its noise is not learned by heart.
            let eps = batch.eps(1, headed.model.latent_dim());
            let code = headed.model.encode(batch.x.clone(), None).draw(eps);
            let log_p = activation::log_softmax(head.forward(code), 1);
            let target = batch.one_hot(labels.classes);
            let wrong = log_p.clone().argmax(1).not_equal(target.clone().argmax(1));
            (row_sums(target * log_p).neg(), wrong.float().squeeze_dim::<1>(1))
        };
        let (label, error) = if batch.is_validation() {
            classify(batch)
        } else {
            let (label, error) = classify(&labels.draw(batch));
            (label.mean().expand([batch.len()]), error.mean().expand([batch.len()]))
        };
        terms.loss = terms.loss + label.clone().mul_scalar(labels.config.weight);
        terms.named.extend([("label", label), ("label_error", error)]);
        terms
    }

    fn criterion(&self) -> &'static str {
        self.objective.criterion()
    }

    fn is_settled(&self, model: &Headed<B, M>, at: Moment) -> bool {
        self.objective.is_settled(&model.model, at)
    }
}

/// Name of the softmax layer's weights in a run's folder.
pub const LABEL_HEAD: &str = "label-head.safetensors";

/// The layer as it is before it learned anything: zero, so that no class is preferred.
fn fresh_head<B: Backend>(latent: usize, classes: usize, device: &B::Device) -> Dense<B> {
    let mut init = Initialiser::new(Init::Zero, Noise::new(0), device).from(FIRST_PARAMETER);
    Dense::new(latent, classes, Activation::Linear, &mut init)
}

/// The layer in a file, for codes of this width.
///
/// # Errors
/// If the file cannot be read or holds another layer.
pub fn read_head<B: Backend>(path: &Path, latent: usize, device: &B::Device) -> Result<Dense<B>> {
    let tensors = weights::read_tensors(path)?;
    let classes = tensors.iter().find(|tensor| tensor.name == "bias").map_or(0, |b| b.values.len());
    weights::fill(fresh_head(latent, classes, device), tensors, path)
}

#[cfg(test)]
mod tests {
    use burn::{
        backend::Autodiff,
        tensor::{Tensor, TensorData},
    };
    use ndarray::{Array1, Array2};

    use super::*;
    use crate::{
        autoencoder::Given,
        backend::Flex,
        data::{DataConfig, FetchOptions, Splits},
        likelihood::Likelihood,
        modules::{NamedTensor, weights_of},
        posterior::Posterior,
    };

    const LATENT: usize = 3;

    /// A linear code whose decoder says nothing.
    #[derive(Module, Debug)]
    struct Linear<B: Backend> {
        layer: Dense<B>,
    }

    impl<B: Backend> Autoencoder<B> for Linear<B> {
        fn input_dim(&self) -> usize {
            self.layer.inputs()
        }

        fn latent_dim(&self) -> usize {
            LATENT
        }

        fn encode(&self, x: Tensor<B, 2>, _: Given<'_, B>) -> Posterior<B> {
            Posterior::Point(self.layer.forward(x))
        }

        fn decode(&self, z: Tensor<B, 2>, _: Given<'_, B>) -> Likelihood<B> {
            Likelihood::Gaussian { mean: z.clone(), log_var: z }
        }
    }

    /// 7 nats for everything.
    struct Seven;

    impl<B: Backend> Objective<B, Linear<B>> for Seven {
        fn terms(&self, _: &Linear<B>, batch: &Batch<B>, _: Moment) -> Terms<B> {
            let data = TensorData::new(vec![7f32; batch.len()], [batch.len()]);
            let loss = Tensor::from_data(data, &batch.device());
            Terms { named: vec![("seven", loss.clone())], loss }
        }
    }

    const CONFIG: LabelsConfig = LabelsConfig { count: 20, weight: 5.0, batch: 8 };

    fn splits() -> Splits {
        let config = DataConfig::new("segments", Binarise::None);
        crate::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap()
    }

    fn headed<B: Backend>(data: &Splits, labels: &Labels<'_>) -> Headed<B, Linear<B>> {
        let device = B::Device::default();
        let mut init = Initialiser::new(Init::Glorot, Noise::new(1), &device);
        let layer = Dense::new(data.train.input_dim(), LATENT, Activation::Linear, &mut init);
        let mut headed = Headed::new(Linear { layer }, Some(labels), &device);
        let mut init = Initialiser::new(Init::Glorot, Noise::new(2), &device).from(1 << 32);
        headed.head = Some(Dense::new(LATENT, labels.classes, Activation::Linear, &mut init));
        headed
    }

    fn values<B: Backend>(tensor: &Tensor<B, 1>) -> Vec<f32> {
        tensor.to_data().iter::<f32>().collect()
    }

    /// log p(class|code), written out, from the layer's weight `[classes, latent]` and bias.
    fn log_classes(head: &[NamedTensor], codes: &Array2<f32>) -> Array2<f32> {
        let shape = (head[0].shape[0], head[0].shape[1]);
        let weight = Array2::from_shape_vec(shape, head[0].values.clone()).unwrap();
        let mut logits = codes.dot(&weight.t()) + &Array1::from(head[1].values.clone());
        for mut row in logits.rows_mut() {
            let total = row.mapv(f32::exp).sum().ln();
            row -= total;
        }
        logits
    }

    const NOW: Moment = Moment { epochs: 0.0 };

    #[test]
    fn the_loss_is_the_models_own_and_the_labels_at_their_weight() {
        let data = splits();
        let labels = Labels::new(CONFIG, &data, Binarise::None, Noise::new(3)).unwrap();
        let headed = headed::<Flex>(&data, &labels);
        let maker = |split: &Split, epoch| {
            let noise = Noise::new(3);
            BatchMaker::<Flex>::new(split.clone(), Binarise::None, noise, Default::default())
                .batch(&[0, 1, 2, 3, 4], epoch)
        };
        let head = weights_of(headed.head.as_ref().unwrap());
        let joint = JointObjective { objective: &Seven, labels: Some(labels) };
        let named = |terms: &Terms<Flex>, name: &str| {
            values(&terms.named.iter().find(|(known, _)| *known == name).unwrap().1)
        };

        // Each validation example is charged for its own label, as the layer on the host says too.
        let batch = maker(&data.valid, 0);
        let terms = joint.terms(&headed, &batch, NOW);
        let codes = headed.model.encode(batch.x.clone(), None).mean().into_data();
        let codes: Vec<f32> = codes.iter::<f32>().collect();
        let codes = Array2::from_shape_vec((5, LATENT), codes).unwrap();
        let log_p = log_classes(&head, &codes);
        for (row, label) in named(&terms, "label").iter().enumerate() {
            let wanted = -log_p[[row, usize::from(batch.labels[row])]];
            assert!((label - wanted).abs() < 1e-5, "{label} {wanted}");
            assert!((log_p.row(row).mapv(f32::exp).sum() - 1.0).abs() < 1e-5);
            assert!((values(&terms.loss)[row] - 7.0 - 5.0 * label).abs() < 1e-4);
        }

        // A training batch is charged for labelled examples, whichever they are, all alike.
        let terms = joint.terms(&headed, &maker(&data.train, 1), NOW);
        let label = named(&terms, "label");
        assert!(label.iter().all(|value| *value == label[0] && *value > 0.0));
        let other = joint.terms(&headed, &maker(&data.train, 2), NOW);
        assert_ne!(label, named(&other, "label"), "another epoch draws others");
    }

    #[test]
    fn only_known_labels_are_looked_at_and_the_code_learns_of_them() {
        type A = Autodiff<Flex>;
        let data = splits();
        let labels = Labels::new(CONFIG, &data, Binarise::None, Noise::new(3)).unwrap();
        let known = labels.known.clone();
        assert_eq!(known, balanced_subset(&data.train.labels(), 20, Noise::new(3)));
        let device = Default::default();
        let maker = BatchMaker::<A>::new(data.train.clone(), Binarise::None, Noise::new(3), device);
        let batch = maker.batch(&[5, 6, 7], 4);
        let drawn = labels.draw(&batch);
        assert_eq!(drawn.len(), 8);
        let all = data.train.grey(&known);
        for row in drawn.x.to_data().iter::<f32>().collect::<Vec<_>>().chunks(all.ncols()) {
            assert!(all.rows().into_iter().any(|known| known.iter().eq(row)));
        }
        let headed = headed::<A>(&data, &labels);
        let joint = JointObjective { objective: &Seven, labels: Some(labels) };
        let gradients = joint.terms(&headed, &batch, NOW).loss.mean().backward();
        let head = headed.head.unwrap();
        for gradient in [headed.model.layer.weight.grad(&gradients), head.weight.grad(&gradients)] {
            assert!(gradient.unwrap().abs().sum().into_scalar() > 0.0);
        }
    }

    #[test]
    fn the_layer_comes_back_from_its_file() {
        let data = splits();
        let labels = Labels::new(CONFIG, &data, Binarise::None, Noise::new(3)).unwrap();
        let head = weights_of(headed::<Flex>(&data, &labels).head.as_ref().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LABEL_HEAD);
        weights::write_tensors(&path, &head).unwrap();
        let read = |latent| read_head::<Flex>(&path, latent, &Default::default());
        assert_eq!(weights_of(&read(LATENT).unwrap()), head);
        assert!(read(LATENT + 1).is_err());
    }

    #[test]
    fn bad_numbers_are_named() {
        for config in [
            LabelsConfig { count: 1, ..CONFIG },
            LabelsConfig { batch: 0, ..CONFIG },
            LabelsConfig { weight: f64::NAN, ..CONFIG },
            LabelsConfig { weight: 0.0, ..CONFIG },
        ] {
            assert!(config.problem().is_some());
        }
        let data = splits();
        let many = LabelsConfig { count: usize::MAX, ..CONFIG };
        let Err(error) = Labels::new(many, &data, Binarise::None, Noise::new(3)) else {
            panic!("more labels than examples");
        };
        assert!(error.to_string().contains("there are"));
    }
}
