//! How well a code takes apart factors of variation that are known.
//!
//! The definitions are those of disentanglement_lib (Locatello et al. 2019) unless a metric says
//! otherwise.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Result, ensure};
use rand_chacha::ChaCha8Rng;
use shared::{
    data::Splits,
    kind::Kind,
    metrics::{DisentanglementConfig, Evaluating, Evaluation, WIDE},
    noise::{Noise, Stream},
    progress,
    run::{Better, Metric},
    statistics::{Estimate, mean},
    trained::{Codes, Trained},
};

mod beta_vae;
mod boosting;
mod code_table;
mod dci;
mod factor_vae;
mod follows;
mod grid;
#[cfg(test)]
mod made;
mod mig;
mod sap;

pub use beta_vae::{PAIRS, beta_vae, z_diff};
pub use boosting::BoostedTrees;
pub use code_table::CodeTable;
pub use dci::{Dci, dci};
pub use factor_vae::factor_vae;
pub use follows::follows;
pub use mig::{mig, mig_posterior};
pub use sap::sap;

/// Images, and where they are known the factors that made them.
#[derive(Clone, Copy, Debug)]
pub struct Factors;

impl Kind for Factors {
    fn evaluate(&self, of: &Evaluating<'_>) -> Result<Evaluation> {
        let mut evaluation = of.images()?;
        if let (Some(config), Some(grid)) = (&of.config.disentanglement, &of.data.factors) {
            progress::line("evaluating: disentanglement, over all images of the grid");
            let codes = CodeTable::new(of.model, grid.as_ref());
            evaluation.metrics.extend(disentanglement(&codes, config, of.noise)?);
        }
        Ok(evaluation)
    }

    fn has_factors(&self) -> bool {
        true
    }

    fn follows(&self, model: &dyn Trained, data: &Splits, noise: Noise) -> Vec<Option<String>> {
        let Some(grid) = &data.factors else { return Vec::new() };
        let found = follows::follows(&CodeTable::new(model, grid.as_ref()), noise);
        let name = |(name, share): (String, f64)| format!("{name} ({:.0} %)", 100.0 * share);
        found.into_iter().map(|found| found.map(name)).collect()
    }
}

/// Codes of images whose factors of variation are known.
pub trait FactorCodes: Sync {
    /// Names of the factors.
    fn names(&self) -> Vec<String>;
    /// How many values each factor takes.
    fn sizes(&self) -> &[usize];
    /// Width of the code.
    fn latent_dim(&self) -> usize;
    /// Codes of images by their place in the grid of all combinations, the last factor fastest.
    fn codes(&self, indices: &[usize]) -> Codes;
}

/// A score on one draw of points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Its value.
    pub value: f64,
    /// What a tenth of the points to fit to, or to count, give.
    pub tenth: f64,
}

/// Which numbers a metric draws: `example` of [`Noise::generator`].
#[derive(Clone, Copy)]
#[repr(u64)]
enum Draws {
    BetaVae = 1,
    FactorVae = 2,
    Mig = 3,
    MigPosterior = 4,
    Dci = 5,
    Sap = 6,
    Follows = 7,
    ZDiff = 8,
}

/// L of the `z_diff` whose draws are metrics too.
const PAIRS_OF_DRAWS: usize = 25;

/// All metrics of a code, by name; those that a code cannot have are left out.
///
/// # Errors
/// If a code is not finite, or a classifier cannot be fitted.
pub fn disentanglement(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    noise: Noise,
) -> Result<BTreeMap<String, Metric>> {
    let codes = Finite { codes, is_broken: AtomicBool::new(false) };
    let metrics = scores(&codes, config, noise);
    ensure!(!codes.is_broken.into_inner(), "codes are not finite");
    metrics
}

/// Codes whose numbers that are none are zero, because a classifier would search for ever, and noted.
struct Finite<'a> {
    codes: &'a dyn FactorCodes,
    is_broken: AtomicBool,
}

impl FactorCodes for Finite<'_> {
    fn names(&self) -> Vec<String> {
        self.codes.names()
    }

    fn sizes(&self) -> &[usize] {
        self.codes.sizes()
    }

    fn latent_dim(&self) -> usize {
        self.codes.latent_dim()
    }

    fn codes(&self, indices: &[usize]) -> Codes {
        let mut codes = self.codes.codes(indices);
        for z in codes.mean.iter_mut().chain(codes.log_var.iter_mut().flatten()) {
            if !z.is_finite() {
                *z = 0.0;
                self.is_broken.store(true, Ordering::Relaxed);
            }
        }
        codes
    }
}

fn scores(
    codes: &dyn FactorCodes,
    config: &DisentanglementConfig,
    noise: Noise,
) -> Result<BTreeMap<String, Metric>> {
    let mut metrics = BTreeMap::new();
    let generator = |draws: Draws| {
        move |repeat: usize| noise.generator(Stream::Factors, repeat as u64, draws as u64)
    };
    let (train, test) = config.points(codes.latent_dim());
    let images = grid::Grid::new(codes.sizes()).len();
    // Points are drawn with replacement: of a small grid, those that test a score are those it was fitted to.
    let fitted_too = 1.0 - (-(train as f64) / images as f64).exp();
    let drawn_from = if fitted_too > 0.1 {
        progress::line(&format!(
            "{images} images: about {:.0}% of the points that test a score are of images it was fitted to",
            100.0 * fitted_too
        ));
        format!(", drawn with replacement from {images} images")
    } else {
        String::new()
    };
    let fitted = format!(
        "fitted to {train} points, tested on {test}{}{}",
        if codes.latent_dim() > WIDE { " (a tenth: the code is wide)" } else { "" },
        drawn_from
    );
    let names = codes.names();
    let left_out = names.iter().filter(|name| !mig::is_counted(name)).map(String::as_str);
    let left_out = left_out.collect::<Vec<_>>().join(" and the ");

    let found = drawn(config.repeats, generator(Draws::ZDiff), |generator| {
        z_diff(codes, config, generator)
    })?;
    for (place, pairs) in PAIRS.iter().enumerate() {
        let values: Vec<f64> = found.iter().map(|found| found[place]).collect();
        let counted = match left_out.as_str() {
            "" => "all of them".to_owned(),
            left_out => format!("all but the {left_out}"),
        };
        let about = format!(
            "accuracy of telling from mean |z1 - z2| over {pairs} pairs which factor they share, {counted}; \
             multinomial logistic regression on standardised features, {fitted}; mean of {} draws",
            values.len()
        );
        metrics.insert(format!("z_diff_{pairs}"), metric(&values, "share", about));
        if *pairs == PAIRS_OF_DRAWS {
            // The paper drops the worse half of thirty: of ten models, drawn three times each.
            for (draw, value) in values.into_iter().enumerate() {
                let about = format!("draw {} of z_diff_{pairs}", draw + 1);
                metrics.insert(
                    format!("z_diff_{pairs}_draw_{}", draw + 1),
                    metric(&[value], "share", about),
                );
            }
        }
    }
    note(&metrics, &["z_diff_10", "z_diff_25", "z_diff_64"]);

    let pairs = config.batch;
    let found = drawn(config.repeats, generator(Draws::BetaVae), |generator| {
        beta_vae(codes, config, generator)
    })?;
    let about = format!(
        "accuracy of telling from mean |z1 - z2| over {pairs} pairs which factor they share, by \
         disentanglement_lib's classifier: features as they are, L2 penalty with C = 1; {fitted}"
    );
    metrics.insert("beta_vae_score".into(), scored(&found, "share", about));
    note(&metrics, &["beta_vae_score"]);

    let found = drawn(config.repeats, generator(Draws::FactorVae), |generator| {
        Ok(factor_vae(codes, config, generator))
    })?;
    let about = format!(
        "accuracy of telling from the latent that varies least over {} images, relative to its \
         variance over {} images, which factor they share; majority vote, {fitted}; latents with a \
         standard deviation below 0.05 left out",
        config.batch, config.variance_points
    );
    metrics.insert("factor_vae_score".into(), scored(&found, "share", about));
    note(&metrics, &["factor_vae_score"]);

    let found = drawn(config.repeats, generator(Draws::Mig), |generator| {
        Ok(mig(codes, config, generator))
    })?;
    let about = format!(
        "gap in mutual information between the two latents that tell most of a factor, mean over \
         all factors; posterior means of {} images in {} bins{}",
        config.mig_points, config.bins, drawn_from
    );
    metrics.insert("mig".into(), scored(&found, "share of entropy", about));
    note(&metrics, &["mig"]);

    let found = drawn(config.repeats, generator(Draws::MigPosterior), |generator| {
        Ok(mig_posterior(codes, config, generator))
    })?;
    if let Some(found) = all(found) {
        let counted = match left_out.as_str() {
            "" => "all factors".to_owned(),
            left_out => format!("the factors but {left_out}"),
        };
        let about = format!(
            "the gap with z ~ q(z|x) as in Chen et al. 2018, mean over {counted}; integrated over \
             the posteriors of {} images",
            config.posterior_points.min(images)
        );
        metrics.insert("mig_posterior".into(), scored(&found, "share of entropy", about));
        note(&metrics, &["mig_posterior"]);
    }

    let fitted = format!(
        "fitted to {} images, tested on {}{}",
        config.train_points, config.test_points, drawn_from
    );
    let found = drawn(config.repeats, generator(Draws::Sap), |generator| {
        Ok(sap(codes, config, generator))
    })?;
    if let Some(found) = all(found) {
        let about = format!(
            "gap in accuracy between the two latents that tell a factor best, each alone by a \
             linear support vector machine; mean over factors; {fitted}"
        );
        metrics.insert("sap".into(), scored(&found, "share", about));
        note(&metrics, &["sap"]);
    }

    let found = drawn(config.dci_repeats, generator(Draws::Dci), |generator| {
        Ok(dci(codes, config, generator))
    })?;
    if let Some(found) = all(found) {
        let trees = format!("{} boosted trees a value, {fitted}", config.trees);
        let mut insert = |name: &str, unit: &str, of: fn(&Dci) -> f64, about: &str| {
            let values: Vec<f64> = found.iter().map(of).collect();
            metrics.insert(name.into(), metric(&values, unit, format!("{about}; {trees}")));
        };
        insert(
            "dci_disentanglement",
            "1 - share of entropy",
            |found| found.disentanglement,
            "how far each latent matters to one factor only, weighted by importance",
        );
        insert(
            "dci_completeness",
            "1 - share of entropy",
            |found| found.completeness,
            "how far one latent alone matters to each factor",
        );
        insert(
            "dci_informativeness",
            "share",
            |found| found.informativeness,
            "accuracy of telling each factor from the code, mean over factors",
        );
        note(&metrics, &["dci_disentanglement", "dci_completeness", "dci_informativeness"]);
    }
    Ok(metrics)
}

/// What a metric finds on each of its draws.
fn drawn<T>(
    repeats: usize,
    generator: impl Fn(usize) -> ChaCha8Rng,
    metric: impl Fn(&mut ChaCha8Rng) -> Result<T>,
) -> Result<Vec<T>> {
    (0..repeats).map(|repeat| metric(&mut generator(repeat))).collect()
}

fn all<T>(found: Vec<Option<T>>) -> Option<Vec<T>> {
    found.into_iter().collect()
}

/// Mean over draws and its standard error.
fn metric(values: &[f64], unit: &str, about: String) -> Metric {
    let Estimate { mean, standard_error, .. } = Estimate::of(values);
    Metric { value: mean, standard_error, unit: unit.into(), better: Better::Higher, about }
}

/// The same of scores that know what a tenth of the points give.
fn scored(scores: &[Score], unit: &str, about: String) -> Metric {
    let values: Vec<f64> = scores.iter().map(|score| score.value).collect();
    let tenths: Vec<f64> = scores.iter().map(|score| score.tenth).collect();
    let draws = scores.len();
    let about =
        format!("{about}; mean of {draws} draws; {:.3} with a tenth of the points", mean(&tenths));
    metric(&values, unit, about)
}

fn note(metrics: &BTreeMap<String, Metric>, names: &[&str]) {
    let found = names.iter().filter_map(|name| Some((name, metrics.get(*name)?.value)));
    let words: Vec<String> = found.map(|(name, value)| format!("{name} {value:.3}")).collect();
    progress::line(&words.join(", "));
}

#[cfg(test)]
mod tests {
    use super::{made::Made, *};

    fn run(codes: &Made, threads: usize) -> BTreeMap<String, Metric> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap()
            .install(|| disentanglement(codes, &made::config(), Noise::new(3)).unwrap())
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        assert_eq!(run(&Made::rotated(), 1), run(&Made::rotated(), 2));
    }

    #[test]
    fn every_metric_a_code_can_have_is_there() {
        let names = |codes: &Made| run(codes, 2).into_keys().collect::<Vec<_>>();
        let point = Made { log_var: None, ..Made::perfect() };
        assert_eq!(names(&Made::perfect()).len(), 17);
        assert_eq!(names(&point).len(), 16);
        let wide = run(&Made::wide(), 2);
        assert_eq!(wide.len(), 12);
        assert!(wide["z_diff_64"].about.contains("fitted to 100 points, tested on 50 (a tenth"));
        // The draws differ, and each is told.
        assert!(wide["z_diff_25"].standard_error.is_some());
        let draws = [1, 2, 3].map(|draw| wide[&format!("z_diff_25_draw_{draw}")].value);
        assert!((mean(&draws) - wide["z_diff_25"].value).abs() < 1e-12);
    }

    #[test]
    fn what_is_told_of_the_factors_is_what_is_counted() {
        let of = |codes: &Made| {
            let metrics = run(codes, 2);
            ["z_diff_25", "mig_posterior"].map(|name| metrics[name].about.clone())
        };
        let [told, gap] = of(&Made::perfect());
        assert!(told.contains("which factor they share, all but the shape; multinomial"), "{told}");
        assert!(gap.contains("mean over the factors but shape; integrated over the posteriors"));
        // Of images of the user's, whose factors have no names, none is left out.
        let numbered = &["factor 0", "factor 1", "factor 2", "factor 3", "factor 4"];
        let [told, gap] = of(&Made { names: numbered, ..Made::perfect() });
        assert!(told.contains("which factor they share, all of them; multinomial"), "{told}");
        assert!(gap.contains("mean over all factors; integrated"), "{gap}");
    }

    #[test]
    fn scores_of_a_small_grid_tell_how_many_images_it_has() {
        let metrics = run(&Made::meaningless(), 2);
        let about = |name: &str| metrics[name].about.as_str();
        let drawn = "drawn with replacement from 64 images";
        for name in ["z_diff_25", "beta_vae_score", "factor_vae_score", "mig", "sap"] {
            assert!(about(name).contains(drawn), "{}", about(name));
        }
        assert!(about("dci_informativeness").contains("tested on 500, drawn with replacement"));
        assert!(about("mig_posterior").contains("over the posteriors of 64 images; mean of"));
        // Of 2160 images a thousand are four in ten; of two hundred, the counts are all there is to tell.
        let perfect = Made::perfect();
        let many = run(&perfect, 2);
        let about = &many["sap"].about;
        assert!(
            about.contains("tested on 500, drawn with replacement from 2160 images"),
            "{about}"
        );
        let config = DisentanglementConfig { train_points: 200, ..made::config() };
        let few = disentanglement(&perfect, &config, Noise::new(3)).unwrap();
        assert!(few.values().all(|metric| !metric.about.contains("replacement")));
        assert!(few["sap"].about.contains("fitted to 200 images, tested on 500; mean of"));
    }

    #[test]
    fn a_code_that_is_not_finite_is_refused() {
        // Somewhere, which only some of the metrics look at.
        let mut broken = Made::perfect();
        let images = broken.mean.nrows();
        for image in (images / 2..images).step_by(7) {
            broken.mean[[image, 2]] = f32::NAN;
        }
        let noise = Noise::new(1);
        assert!(disentanglement(&broken, &made::config(), noise).is_err());
    }
}
