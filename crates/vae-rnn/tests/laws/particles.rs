//! The bounds of several particles as objectives.

use super::{
    AFTER, AutodiffModule, Bound, Diff, Flex, GradientsParams, Kind, Model, Objective,
    ObjectiveConfig, OutputConfig, Resampling, batch, batch_of, disagreements, error, estimates,
    laws, loss, mean, model, plain, sequences,
};
use shared::train::Objective as _;

pub(super) const BOUNDS: [(Bound, Resampling); 2] =
    [(Bound::Iwae, Resampling::Never), (Bound::Fivo, Resampling::Adaptive)];

pub(super) fn with(bound: Bound, particles: usize) -> ObjectiveConfig {
    ObjectiveConfig { bound, particles: Some(particles), ..ObjectiveConfig::default() }
}

#[test]
fn training_maximises_the_bound_that_evaluation_reports() {
    const REPEATS: usize = 4000;
    for kind in [Kind::Vrnn, Kind::VrnnI] {
        let model: Model<Flex> = model(&plain(kind));
        let sequence = sequences(OutputConfig::Bernoulli)[2].clone();
        let copies = batch(&vec![sequence.clone(); REPEATS]);
        let mut means = Vec::new();
        for (bound, resampling) in BOUNDS {
            for particles in [1, 5] {
                let found = loss(&model, &copies, with(bound, particles));
                let reported = estimates(&model, &sequence, particles, resampling, REPEATS);
                let apart = mean(&found) + mean(&reported);
                let noise = error(&found).hypot(error(&reported));
                assert!(
                    apart.abs() < 4.0 * noise,
                    "{kind:?} {bound:?} {particles}: {apart} {noise}"
                );
                means.push((mean(&found), noise));
            }
        }
        // The particles are copied here, and gain by it.
        let [_, (never, a), _, (adaptive, b)] = means[..] else { panic!() };
        assert!(never - adaptive > 4.0 * a.hypot(b), "{kind:?}: {means:?}");
    }
}

#[test]
fn gradients_are_the_slopes_for_the_same_ancestors() {
    for kind in [Kind::Vrnn, Kind::VrnnI] {
        let model: Model<Diff> = model(&plain(kind));
        let all = sequences(OutputConfig::Bernoulli);
        let (diff, flex) = (batch::<Diff>(&all), batch::<Flex>(&all));
        for (bound, _) in BOUNDS {
            let terms = Objective::new(with(bound, 4)).terms(&model, &diff, AFTER);
            let of = GradientsParams::from_grads(terms.loss.mean().backward(), &model);
            let gradients = laws::gradients(&model, &of);
            assert!(gradients.iter().all(laws::ParameterGradient::is_there));
            let inner = model.valid();
            // So small a step that nobody else is copied.
            let found = disagreements(&gradients, 0.002, |parameter, entry, by| {
                let nudged = laws::nudged(inner.clone(), parameter, entry, by);
                mean(&loss(&nudged, &flex, with(bound, 4)))
            });
            assert!(found.is_empty(), "{kind:?} {bound:?}: {found:?}");
        }
    }
}

#[test]
fn a_sequence_has_its_own_particles() {
    let model: Model<Flex> = model(&plain(Kind::Vrnn));
    let all = sequences(OutputConfig::Bernoulli);
    let together = loss(&model, &batch(&all), with(Bound::Fivo, 4));
    let never = loss(&model, &batch(&all), with(Bound::Iwae, 4));
    for (index, together) in together.iter().enumerate() {
        // Alone it has the same noise, and nothing follows its end.
        let alone = loss(&model, &batch_of(&all, &[index]), with(Bound::Fivo, 4));
        assert!((alone[0] - together).abs() < 1e-4, "{index}: {alone:?} {together}");
    }
    // Of the last one, particles are copied.
    assert!((never[2] - together[2]).abs() > 1e-3, "{never:?} {together:?}");
}
