//! Laws of the corruption, the criterion and the stack.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

use burn::{
    backend::Autodiff,
    module::{Module, ModuleVisitor, Param, ParamId},
    optim::GradientsParams,
    tensor::{Tensor, TensorData},
};
use denoising_ae::{
    Config, Model,
    config::{ModelConfig, Pretraining},
    corruption::Corruption,
    fine_tuning::ClassificationObjective,
    pretraining::Objective,
};
use shared::{
    Backend,
    autoencoder::Autoencoder,
    backend::Flex,
    data::{Batch, BatchMaker, Binarise, DataConfig, FetchOptions},
    laws::values,
    nn::Init,
    noise::{Noise, Stream},
    principal::PrincipalComponents,
    train::{Moment, Objective as _, OptimiserConfig, Schedule, TrainConfig},
};

type Diff = Autodiff<Flex>;

const AT: Moment = Moment { epochs: 0.0 };

fn segments<B: Backend>() -> BatchMaker<B> {
    let config = DataConfig::new("segments", Binarise::None);
    let data = shared::kind::Images::load(&config, &FetchOptions::from_env(None)).unwrap();
    BatchMaker::new(data.train, Binarise::None, Noise::new(1), B::Device::default())
}

fn batch<B: Backend>(epoch: u64) -> Batch<B> {
    segments().batch(&[3, 4, 5, 6], epoch)
}

fn config(pretraining: Pretraining) -> Config {
    let train = TrainConfig {
        epochs: Some(1),
        epoch_examples: None,
        batch_size: 10,
        schedule: Schedule::Constant { rate: 0.01 },
        optimiser: OptimiserConfig::Sgd { momentum: 0.0, weight_decay: 0.0 },
        clip_norm: None,
        average: None,
        patience: None,
        keep: shared::train::Keep::Best,
        checkpoint_every: 1,
        keep_checkpoints: 1,
    };
    Config {
        seed: 1,
        data: DataConfig::new("segments", Binarise::None),
        model: ModelConfig { hidden: vec![12, 9], classes: 10, init: Init::GlorotSigmoid },
        pretraining,
        train: train.clone(),
        fine_tuning: Some(train),
        evaluate: Default::default(),
    }
}

fn model<B: Backend>(pretraining: Pretraining) -> Model<B> {
    Model::new(&config(pretraining), 784, Noise::new(2), &B::Device::default())
}

fn objective(layer: usize, weights: [f32; 2]) -> Objective {
    Objective {
        layer,
        corruption: Corruption::Masking { fraction: 0.25 },
        corrupted_weight: weights[0],
        clean_weight: weights[1],
    }
}

#[test]
fn fixed_layers_leave_nothing_in_the_autodiff_graph() {
    let model = model::<Diff>(Pretraining::masking(0.25));
    let is_tracked = |x: Tensor<Diff, 2>| !x.into_primitive().tensor().node.requirement.is_none();
    let x = batch::<Diff>(1).x;
    assert!(!is_tracked(model.below(x.clone(), 2)));
    assert!(is_tracked(model.layers[0].encoder.forward(x)));
}

#[test]
fn masking_changes_exactly_its_share_and_nothing_else() {
    let ones = || Tensor::<Flex, 2>::ones([4, 784], &Default::default());
    for fraction in [0.0, 0.1, 0.25, 1.0] {
        let corrupted = Corruption::Masking { fraction }.apply(ones(), &batch(1));
        let expected = (fraction * 784.0f64).round() as usize;
        for row in values(corrupted.x).chunks(784) {
            assert_eq!(row.iter().filter(|&&v| v == 0.0).count(), expected);
            assert_eq!(row.iter().filter(|&&v| v == 1.0).count(), 784 - expected);
        }
    }
}

#[test]
fn salt_and_pepper_are_black_and_white_in_equal_parts() {
    let grey = Tensor::<Flex, 2>::full([4, 784], 0.5, &Default::default());
    let corrupted = Corruption::SaltAndPepper { fraction: 0.5 }.apply(grey, &batch(1));
    let count = |v: f64| values(corrupted.x.clone()).iter().filter(|&&x| x == v).count() as f64;
    assert_eq!(count(0.5), 4.0 * 392.0);
    assert!((count(0.0) / count(1.0) - 1.0).abs() < 0.2);
    assert_eq!(values(corrupted.chosen).iter().sum::<f64>(), 4.0 * 392.0);
}

#[test]
fn gaussian_noise_has_mean_zero_and_its_deviation() {
    let x = batch::<Flex>(1).x;
    let corrupted = Corruption::Gaussian { std: 0.3 }.apply(x.clone(), &batch(1)).x;
    let (mean, deviation) = shared::statistics::mean_and_deviation(&values(corrupted - x));
    assert!(mean.abs() < 0.02 && (deviation / 0.3 - 1.0).abs() < 0.03, "{mean} {deviation}");
}

#[test]
fn noise_is_fresh_at_every_presentation_and_a_function_of_epoch_and_example() {
    let ones = || Tensor::<Flex, 2>::ones([4, 784], &Default::default());
    for corruption in [
        Corruption::Masking { fraction: 0.25 },
        Corruption::SaltAndPepper { fraction: 0.25 },
        Corruption::Gaussian { std: 0.3 },
    ] {
        let draw = |epoch| values(corruption.apply(ones(), &batch(epoch)).x);
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let together = draw(1);
        let alone = corruption.apply(
            Tensor::<Flex, 2>::ones([1, 784], &Default::default()),
            &segments().batch(&[5], 1),
        );
        assert_eq!(together[2 * 784..3 * 784], values(alone.x)[..]);
    }
}

#[test]
fn a_row_on_the_host_is_corrupted_as_on_the_device() {
    for corruption in [
        Corruption::Masking { fraction: 0.25 },
        Corruption::SaltAndPepper { fraction: 0.25 },
        Corruption::Gaussian { std: 0.3 },
    ] {
        let batches = segments::<Flex>();
        let batch = batches.batch(&[3], 1);
        let mut row: Vec<f32> = batch.x.to_data().iter::<f32>().collect();
        let mut random = Noise::new(1).generator(Stream::Corrupt, 1, batches.split().key(3));
        corruption.apply_to_row(&mut random, &mut row);
        let device = values(corruption.apply(batch.x.clone(), &batch).x);
        assert!(row.iter().zip(device).all(|(a, b)| (f64::from(*a) - b).abs() < 1e-6));
    }
}

#[test]
fn emphasis_weights_the_corrupted_coordinates_by_alpha_and_the_others_by_beta() {
    let (model, batch) = (model::<Flex>(Pretraining::masking(0.25)), batch::<Flex>(1));
    let corruption = Corruption::Masking { fraction: 0.25 };
    for (place, width) in [(0, 784), (1, 12)] {
        let layer = &model.layers[place];
        let clean = model.below(batch.x.clone(), place);
        let corrupted = corruption.apply(clean.clone(), &batch).x;
        let logits = values(layer.logits(layer.encoder.forward(corrupted)));
        // The noise is that of the examples, so the same coordinates of ones become 0.
        let kept = values(corruption.apply(clean.ones_like(), &batch).x);
        let x = values(clean);
        for weights in [[1.0, 0.5], [0.25, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]] {
            let loss = values(objective(place, weights).terms(&model, &batch, AT).loss);
            let [alpha, beta] = weights.map(f64::from);
            let nats = |i: usize| {
                let weight = if kept[i] == 0.0 { alpha } else { beta };
                let l = logits[i];
                // -log s(l) = log(1 + e^-l), and -log(1 - s(l)) = log(1 + e^l).
                weight * (x[i] * (-l).exp().ln_1p() + (1.0 - x[i]) * l.exp().ln_1p())
            };
            assert_eq!(loss.len(), 4);
            for (row, loss) in loss.into_iter().enumerate() {
                let wanted: f64 = (width * row..width * (row + 1)).map(nats).sum();
                let is_close = (loss - wanted).abs() < 1e-4 * wanted;
                assert!(is_close, "layer {place}, {weights:?}: {loss} {wanted}");
            }
        }
    }
}

#[test]
fn only_the_layer_that_learns_gets_a_gradient() {
    let model = model::<Diff>(Pretraining::masking(0.25));
    let terms = objective(1, [1.0, 1.0]).terms(&model, &batch(1), AT);
    let gradients = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
    let has =
        |layer: usize| gradients.get::<Flex, 2>(model.layers[layer].encoder.weight.id).is_some();
    assert!(!has(0) && has(1));
}

#[test]
fn the_gradient_of_tied_weights_is_that_of_finite_differences() {
    let model = model::<Diff>(Pretraining::masking(0.25));
    let objective = objective(0, [1.0, 1.0]);
    let terms = objective.terms(&model, &batch(1), AT);
    let gradients = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
    let weight = &model.layers[0].encoder.weight;
    let gradient = values(gradients.get::<Flex, 2>(weight.id).unwrap());
    let mut data = weight.val().into_data().to_vec::<f32>().unwrap();
    let mut loss = |entry: usize, by: f32| {
        data[entry] += by;
        let mut moved = model.clone();
        let tensor =
            Tensor::from_data(TensorData::new(data.clone(), [784, 12]), &Default::default());
        moved.layers[0].encoder.weight = Param::initialized(weight.id, tensor);
        data[entry] -= by;
        values(objective.terms(&moved, &batch(1), AT).loss.mean())[0]
    };
    for entry in [0, 5 * 12 + 3, 400 * 12, 400 * 12 + 7, 600 * 12 + 11] {
        let by = 2e-2;
        let numeric = (loss(entry, by) - loss(entry, -by)) / (2.0 * f64::from(by));
        assert!(
            (numeric - gradient[entry]).abs() < 2e-2 * numeric.abs().max(0.1),
            "{entry}: {numeric} {}",
            gradient[entry]
        );
    }
}

#[test]
fn the_classifier_starts_at_the_stack_and_its_probabilities_add_up() {
    let model = model::<Flex>(Pretraining::masking(0.25));
    let same = |model: &Model<Flex>| -> Vec<bool> {
        let pairs = model.hidden.iter().zip(&model.layers);
        pairs
            .map(|(hidden, layer)| {
                values(hidden.weight.val()) == values(layer.encoder.weight.val())
            })
            .collect()
    };
    assert!(same(&model).iter().all(|same| !same), "random before");
    let model = model.with_pretrained_classifier();
    assert!(same(&model).iter().all(|same| *same), "the encoders' after");
    let x = batch::<Flex>(1).x;
    let log_p = model.log_classes(x.clone()).unwrap();
    for row in values(log_p.exp()).chunks(10) {
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-5);
    }
    let other = Model::<Flex>::new(
        &config(Pretraining::masking(0.25)),
        784,
        Noise::new(3),
        &Default::default(),
    );
    assert_ne!(values(model.encode(x.clone(), None).mean()), values(other.encode(x, None).mean()));
    let classifier = model.into_classifier().unwrap();
    let terms = ClassificationObjective { classes: 10 }.terms(&classifier, &batch(1), AT);
    assert!(values(terms.named[0].1.clone()).iter().all(|&e| e == 0.0 || e == 1.0));
    assert!(values(terms.loss).iter().all(|&nats| nats > 0.0));
}

#[test]
fn the_linear_baseline_is_pca() {
    let batches = segments::<Flex>();
    let rows = batches.split().grey(&(0..200).collect::<Vec<_>>());
    let components = PrincipalComponents::of(&rows).unwrap();
    let model = model::<Flex>(Pretraining::Pca { components: 20 })
        .with_components(&components, &Default::default());
    let x = batch::<Flex>(1).x;
    let restored = values(model.decode(model.encode(x.clone(), None).mean(), None).mean());
    let x = values(x);
    for (row, restored) in x.chunks(784).zip(restored.chunks(784)) {
        let mut expected = components.mean.clone();
        for component in 0..20 {
            let u = components.components.row(component);
            let score: f64 = (0..784).map(|i| (row[i] - components.mean[i]) * u[i]).sum();
            expected.iter_mut().zip(u).for_each(|(e, u)| *e += score * u);
        }
        for (a, b) in expected.iter().zip(restored) {
            assert!((a - b).abs() < 1e-4, "{a} {b}");
        }
    }
}

#[test]
fn the_classifier_above_pca_learns_from_scores_of_variance_one() {
    let rows = segments::<Flex>().split().grey(&(0..200).collect::<Vec<_>>());
    let found = PrincipalComponents::of(&rows).unwrap();
    let mut white = found.clone();
    for (mut component, variance) in white.components.rows_mut().into_iter().zip(&found.variances) {
        component /= variance.sqrt();
    }
    white.variances.fill(1.0);
    let [model, white] = [found, white].map(|components| {
        model::<Flex>(Pretraining::Pca { components: 20 })
            .with_components(&components, &Default::default())
    });
    let x = Tensor::from_data(
        TensorData::new(rows.into_raw_vec_and_offset().0, [200, 784]),
        &Default::default(),
    );
    let variances = white.encode(x.clone(), None).mean().square().sum_dim(0).div_scalar(199.0);
    assert!(values(variances).iter().all(|v| (v - 1.0).abs() < 1e-3));
    let log_p = |model: &Model<Flex>| values(model.log_classes(x.clone()).unwrap());
    for (a, b) in log_p(&model).into_iter().zip(log_p(&white)) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
}

#[test]
fn equal_stacks_have_parameters_of_equal_ids() {
    struct Ids(Vec<ParamId>);
    impl ModuleVisitor<Flex> for Ids {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Flex, D>>) {
            self.0.push(param.id);
        }
    }
    let ids = |pretraining| {
        let mut ids = Ids(Vec::new());
        model(pretraining).visit(&mut ids);
        ids.0
    };
    for pretraining in
        [Pretraining::masking(0.25), Pretraining::None, Pretraining::Pca { components: 20 }]
    {
        assert_eq!(ids(pretraining), ids(pretraining), "{pretraining:?}");
    }
}

#[test]
fn sigmoid_layers_alone_start_four_times_as_wide() {
    struct Widest(Vec<f32>);
    impl ModuleVisitor<Flex> for Widest {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<Flex, D>>) {
            if D == 2 {
                self.0.push(param.val().abs().max().into_scalar());
            }
        }
    }
    let widest = |init| {
        let mut config = config(Pretraining::None);
        config.model.init = init;
        let mut widest = Widest(Vec::new());
        Model::<Flex>::new(&config, 64, Noise::new(1), &Default::default()).visit(&mut widest);
        widest.0
    };
    // Two autoencoders, the classifier's two hidden layers, and its softmax layer.
    let (narrow, wide) = (widest(Init::Glorot), widest(Init::GlorotSigmoid));
    let ratios: Vec<f32> = narrow.iter().zip(&wide).map(|(narrow, wide)| wide / narrow).collect();
    assert_eq!(ratios, [4.0, 4.0, 4.0, 4.0, 1.0]);
    let range = (6.0 / (64.0 + 12.0f32)).sqrt();
    assert!(narrow[0] <= range && narrow[0] > 0.99 * range, "{}", narrow[0]);
}

#[test]
fn an_autoencoder_that_was_never_trained_is_not_shown() {
    use shared::paper::Paper as _;
    let refused =
        |pretraining, command| denoising_ae::Paper::cannot(command, &config(pretraining)).is_some();
    for command in ["reconstruct", "traverse", "latent-map", "encode", "denoise", "explore"] {
        assert!(refused(Pretraining::None, command), "{command}");
        for trained in [Pretraining::masking(0.25), Pretraining::Pca { components: 20 }] {
            assert!(!refused(trained, command), "{command}");
        }
    }
    // The classifier is trained in any case.
    assert!(!refused(Pretraining::None, "evaluate") && !refused(Pretraining::None, "export"));
    // Nor is it measured.
    assert!(!model::<Flex>(Pretraining::None).has_decoder());
    assert!(model::<Flex>(Pretraining::masking(0.25)).has_decoder());
}

#[test]
fn a_run_that_would_train_nothing_is_refused() {
    use shared::{data::PixelShape, paper::Paper as _};
    let problem = |pretraining, fine_tuning: Option<TrainConfig>| {
        let config = Config { fine_tuning, ..config(pretraining) };
        denoising_ae::Paper::problem(&config, PixelShape::grey(28, 28)).unwrap_or_default()
    };
    let train = config(Pretraining::None).fine_tuning;
    assert!(problem(Pretraining::None, None).contains("nothing is trained"));
    assert_eq!(problem(Pretraining::None, train), "");
    assert_eq!(problem(Pretraining::masking(0.25), None), "");
}

#[test]
fn a_loss_without_weight_is_refused() {
    use shared::{
        data::PixelShape,
        paper::{Paper as _, RunConfig},
    };
    let problem = |corruption, [corrupted_weight, clean_weight]: [f32; 2]| {
        let pretraining = Pretraining::Denoising { corruption, corrupted_weight, clean_weight };
        let config = config(pretraining);
        let of_shape = || denoising_ae::Paper::problem(&config, PixelShape::grey(28, 28));
        config.problem().or_else(of_shape).unwrap_or_default()
    };
    let masking = |fraction| Corruption::Masking { fraction };
    assert!(problem(masking(0.25), [0.0, 0.0]).contains("corrupted_weight = 0"));
    assert_eq!(problem(masking(0.25), [1.0, 0.0]), "");
    assert!(problem(masking(0.0), [1.0, 0.0]).contains("clean_weight = 0"));
    // Less than half a pixel.
    assert!(problem(masking(0.0006), [1.0, 0.0]).contains("none of the 784"));
    let noise = Corruption::Gaussian { std: 0.1 };
    assert!(problem(noise, [0.0, 1.0]).contains("corrupted_weight = 0"));
    assert!(problem(noise, [1.0, 0.5]).contains("clean_weight: without effect"));
    assert_eq!(problem(noise, [1.0, 1.0]), "");
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<denoising_ae::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong = shared::laws::configurations::sizes_misjudged::<
        denoising_ae::Paper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_network_as_layers_is_the_model() {
    for pretraining in [Pretraining::masking(0.25), Pretraining::Pca { components: 5 }] {
        let model = model::<Flex>(pretraining);
        let apart = shared::laws::networks::network_apart(model, 1).unwrap();
        assert!(apart.largest() < 1e-5, "{pretraining:?}: {apart:?}");
    }
}
