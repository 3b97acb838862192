//! Laws of the metrics.

use std::{collections::BTreeMap, sync::Arc};

use ::sequences::{Known, SequenceData};
use serde_json::json;
use shared::{
    data::{DataConfig, Split, Splits},
    kind::Kind as _,
    metrics::{Evaluating, sequence_terms},
    run::EvaluateConfig,
};

use super::*;

#[test]
fn each_sequence_is_reported_the_terms_that_it_has_alone() {
    let noise = Noise::new(1);
    let all = Sequences::of_numbers(WIDTH, &sequences(OutputConfig::Bernoulli));
    let split = Split::from(ExampleSet::sequences(all, false));
    let maker = BatchMaker::new(split.clone(), Binarise::None, noise, Default::default());
    for kind in [Kind::Vrnn, Kind::VrnnI, Kind::Rnn] {
        let model = model::<Flex>(&plain(kind));
        let trained = OnDevice::<Flex, _>::new(model.clone(), Default::default());
        let found = sequence_terms(&trained, &split, Binarise::None, noise).unwrap();
        let mut by_latent = vec![0.0; model.step_latents()];
        for (index, elbo) in found.negative_elbo().into_iter().enumerate() {
            let alone = maker.batch(&[index], 0);
            close(&[elbo], &loss(&model, &alone, ObjectiveConfig::default()));
            let eps = alone.eps(1, alone.steps[0] * by_latent.len());
            let terms = model.terms_by_step(alone.x, eps);
            let kl = terms.kl_per_latent.map_or_else(Vec::new, |kl| values(kl.sum_dim(0)));
            by_latent.iter_mut().zip(&kl).for_each(|(sum, kl)| *sum += kl);
            let wanted = [values(terms.reconstruction).iter().sum(), kl.iter().sum()];
            close(&[found.reconstruction[index], found.kl[index]], &wanted);
        }
        close(&found.kl_by_latent, &by_latent);
    }
}

#[test]
fn perplexity_is_the_exponential_of_the_nats_a_step() {
    let model = model::<Flex>(&config(Kind::Rnn, Cell::Gru, OutputConfig::Categorical));
    let all = sequences(OutputConfig::Categorical);
    let exact = loss(&model, &batch(&all), ObjectiveConfig::default());
    let examples = ExampleSet::sequences(Sequences::of_numbers(WIDTH, &all), true);
    let vocabulary = json!({"symbols": ["\n", "a", "b"], "level": "characters"});
    let known =
        Known { vocabulary: serde_json::from_value(vocabulary).unwrap(), ..Known::default() };
    let data = Splits {
        known: Some(Arc::new(known)),
        ..Splits::consecutive(Arc::new(examples), [0, 0], BTreeMap::new())
    };
    let evaluation = SequenceData.evaluate(&Evaluating {
        model: &OnDevice::<Flex, _>::new(model, Default::default()),
        data: &data,
        of: &DataConfig::new("text", Binarise::None),
        is_other: false,
        has_strange: false,
        config: &EvaluateConfig::default(),
        noise: Noise::new(1),
        judge: None,
    });
    let metrics = evaluation.unwrap().metrics;
    let step = exact.iter().sum::<f64>() / 11.0;
    let found = ["nll", "nll_step", "perplexity"].map(|name| metrics[name].value);
    close(&found, &[mean(&exact), step, step.exp()]);
}
