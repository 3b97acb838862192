//! Whether training and validation minimised the same function of the same terms.

use std::collections::BTreeMap;

use shared::run::Record;

/// What a record's terms say of its objective.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Check {
    /// The KL weighs the same in training and in validation, or there is no KL.
    Holds,
    /// It does not.
    Broken(String),
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// Relative difference of the two weights that is rounding: terms are means of single precision.
const ROUNDING: f64 = 1e-3;

/// From loss = reconstruction + w kl follows w, once of the training terms and once of those of
/// validation. Both must be the same.
pub(super) fn check(record: &Record) -> Check {
    let Some(training) = &record.training else { return Check::Holds };
    let weights = [&training.train, &training.valid].map(kl_weight);
    let (train, valid) = match weights {
        [Some(train), Some(valid)] => (train, valid),
        [None, None] => return Check::Holds,
        _ if [&training.train, &training.valid].iter().all(|terms| terms.contains_key("kl")) => {
            return Check::Unknown("the KL is 0 in training or in validation".into());
        }
        _ => {
            return Check::Broken("only one of training and validation has a KL".into());
        }
    };
    if let Some(reason) = nonlinear(record) {
        return Check::Unknown(reason);
    }
    if [&training.train, &training.valid].into_iter().any(is_lost_in_rounding) {
        return Check::Unknown("the KL is too small for its weight to be told".into());
    }
    if (train - valid).abs() <= ROUNDING * train.abs().max(1.0) {
        return Check::Holds;
    }
    Check::Broken(format!(
        "the KL weighs {train:.3} in training and {valid:.3} in validation: with loss = \
         reconstruction + w kl, w must be the same in both"
    ))
}

/// (loss - reconstruction) / kl, if there are these terms.
fn kl_weight(terms: &BTreeMap<String, f64>) -> Option<f64> {
    let [loss, reconstruction, kl] = ["loss", "reconstruction", "kl"].map(|name| terms.get(name));
    let (loss, reconstruction, kl) = (loss?, reconstruction?, kl?);
    (*kl > 0.0).then(|| (loss - reconstruction) / kl)
}

/// True if single precision of the loss is no small part of the KL.
fn is_lost_in_rounding(terms: &BTreeMap<String, f64>) -> bool {
    let of = |name: &str| terms.get(name).copied().unwrap_or_default();
    f64::from(f32::EPSILON) * of("loss").abs() > ROUNDING * of("kl")
}

/// Why the loss is another function of the terms, if it is.
fn nonlinear(record: &Record) -> Option<String> {
    let training = record.training.as_ref()?;
    // Terms kl_z0, kl_z1, ... are parts of kl.
    let others: Vec<&str> = training
        .train
        .keys()
        .map(String::as_str)
        .filter(|name| !["loss", "reconstruction", "kl"].contains(name))
        .filter(|name| !name.starts_with("kl_z"))
        .collect();
    if !others.is_empty() {
        return Some(format!("the loss has other terms too: {}", others.join(", ")));
    }
    let objective = record.config.get("objective")?;
    let number = |name: &str| objective.get(name).and_then(|v| v.as_f64()).unwrap_or(0.0);
    if number("free_bits") > 0.0 || objective.get("kind").is_some_and(|kind| kind == "capacity") {
        return Some("the loss is not linear in the KL".into());
    }
    // The terms of an epoch are means over it, while the weight rose.
    (number("kl_warmup_epochs") > training.chosen_epoch as f64 - 1.0)
        .then(|| "the chosen epoch lies in the warm-up".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::synthetic;

    fn with_valid_weight(weight: f64) -> Record {
        let mut record = synthetic::record(1);
        synthetic::set_kl_weight_in_validation(&mut record, weight);
        record
    }

    #[test]
    fn half_the_kl_in_validation_is_named() {
        let Check::Broken(said) = check(&with_valid_weight(0.5)) else { panic!("not found") };
        assert!(said.contains("1.000 in training and 0.500 in validation"), "{said}");
        assert_eq!(check(&with_valid_weight(1.0)), Check::Holds);
    }

    #[test]
    fn a_kl_of_training_alone_is_named() {
        let mut record = with_valid_weight(1.0);
        let valid = &mut record.training.as_mut().unwrap().valid;
        valid.insert("kl".into(), 0.0);
        assert!(matches!(check(&record), Check::Unknown(_)));
        record.training.as_mut().unwrap().valid.remove("kl");
        assert!(matches!(check(&record), Check::Broken(_)));
    }

    #[test]
    fn objectives_that_are_no_weighted_sum_are_not_judged() {
        let mut capacity = with_valid_weight(0.5);
        capacity.config["objective"]["kind"] = "capacity".into();
        let mut free = with_valid_weight(0.5);
        free.config["objective"]["free_bits"] = 0.1.into();
        let mut warm = with_valid_weight(0.5);
        warm.config["objective"]["kl_warmup_epochs"] = 1000.into();
        let mut others = with_valid_weight(0.5);
        others.training.as_mut().unwrap().train.insert("mmd".into(), 1.0);
        for record in [capacity, free, warm, others] {
            assert!(matches!(check(&record), Check::Unknown(_)));
        }
    }

    #[test]
    fn the_records_we_keep_hold() {
        let set = crate::compare::records::RecordSet::read(&crate::workspace().join("results"));
        for found in set.unwrap().runs.values().flatten() {
            assert!(!matches!(check(&found.record), Check::Broken(_)), "{}", found.file.display());
        }
    }
}
