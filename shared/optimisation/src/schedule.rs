use ranges::{between, not_negative, positive, share_above_zero};
use serde::{Deserialize, Serialize};

/// The learning rate over a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Schedule {
    /// The same throughout.
    Constant {
        /// Learning rate.
        #[serde(deserialize_with = "positive")]
        rate: f64,
    },
    /// Half a cosine from `rate`, in the first epoch, towards `last`, which an epoch after the last would have
    /// (Loshchilov & Hutter 2017).
    Cosine {
        /// First learning rate.
        #[serde(deserialize_with = "positive")]
        rate: f64,
        /// Learning rate after the last epoch.
        #[serde(default, deserialize_with = "not_negative")]
        last: f64,
    },
    /// Multiplied by `factor` after every epoch.
    Exponential {
        /// First learning rate.
        #[serde(deserialize_with = "positive")]
        rate: f64,
        /// Factor, at most 1.
        #[serde(deserialize_with = "share_above_zero")]
        factor: f64,
    },
    /// `rate` for the first `hold` epochs, then down a straight line that reaches 0 at the end.
    Linear {
        /// First learning rate.
        #[serde(deserialize_with = "positive")]
        rate: f64,
        /// Epochs before the decay.
        hold: usize,
    },
    /// Stage i of S lasts 3^i epochs at 1e-4 round(10^(1 - i / (S - 1)), 1), from 1e-3 to 1e-4:
    /// with S = 8 the 3,280 epochs of Burda et al. 2016; fewer stages end sooner at the same rate, a single
    /// one is an epoch at 1e-3.
    Staged {
        /// S, 1 to 8.
        #[serde(deserialize_with = "between::<1, 8, _, _>")]
        stages: u32,
    },
}

impl Schedule {
    /// The schedule of the same shape that starts at `first`; `None` of stages, whose rates are Burda's.
    #[must_use]
    pub fn starting_at(&self, first: f64) -> Option<Self> {
        match *self {
            Self::Constant { .. } => Some(Self::Constant { rate: first }),
            Self::Cosine { rate, last } => {
                Some(Self::Cosine { rate: first, last: last * first / rate })
            }
            Self::Exponential { factor, .. } => Some(Self::Exponential { rate: first, factor }),
            Self::Linear { hold, .. } => Some(Self::Linear { rate: first, hold }),
            Self::Staged { .. } => None,
        }
    }

    /// Learning rate in epoch `epoch` (from 0) of `epochs`.
    pub fn rate(&self, epoch: usize, epochs: usize) -> f64 {
        match *self {
            Self::Constant { rate } => rate,
            Self::Cosine { rate, last } => {
                let progress = epoch as f64 / epochs.max(1) as f64;
                last + (rate - last) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos())
            }
            Self::Exponential { rate, factor } => rate * factor.powi(epoch as i32),
            Self::Linear { rate, hold } => {
                let falling = epochs.saturating_sub(hold).max(1) as f64;
                rate * (epochs.saturating_sub(epoch) as f64 / falling).min(1.0)
            }
            Self::Staged { stages } => {
                let stage =
                    (0..stages).find(|&s| epoch < staged_epochs(s + 1)).unwrap_or(stages - 1);
                let progress = f64::from(stage) / f64::from((stages - 1).max(1));
                (10f64.powf(1.0 - progress) * 10.0).round() / 10.0 * 1e-4
            }
        }
    }

    /// The number of epochs, for a schedule that fixes it.
    pub fn epochs(&self) -> Option<usize> {
        match *self {
            Self::Staged { stages } => Some(staged_epochs(stages)),
            _ => None,
        }
    }

    /// What is wrong between the settings, if anything.
    pub fn problem(&self) -> Option<String> {
        match *self {
            Self::Cosine { rate, last } if last > rate => {
                Some(format!("last = {last}: a number from 0 to rate, which is {rate}"))
            }
            _ => None,
        }
    }
}

/// 1 + 3 + 9 + ... of the first `stages` stages.
fn staged_epochs(stages: u32) -> usize {
    (3usize.pow(stages) - 1) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_stages_are_burdas_protocol() {
        let schedule = Schedule::Staged { stages: 8 };
        assert_eq!(schedule.epochs(), Some(3280));
        let rates: Vec<f64> = [0, 1, 4, 13, 40, 121, 364, 1093, 3279]
            .iter()
            .map(|&epoch| (schedule.rate(epoch, 3280) * 1e5).round())
            .collect();
        assert_eq!(rates, [100.0, 72.0, 52.0, 37.0, 27.0, 19.0, 14.0, 10.0, 10.0]);
    }

    #[test]
    fn schedules_start_and_end_where_they_say() {
        let cosine = Schedule::Cosine { rate: 1e-3, last: 1e-5 };
        assert!((cosine.rate(0, 10) - 1e-3).abs() < 1e-12);
        assert!((cosine.rate(10, 10) - 1e-5).abs() < 1e-12);
        let exponential = Schedule::Exponential { rate: 1.0, factor: 0.5 };
        assert_eq!(exponential.rate(3, 10), 0.125);
        let linear = Schedule::Linear { rate: 0.5, hold: 100 };
        let rates = [0, 99, 100, 125, 149].map(|epoch| linear.rate(epoch, 150));
        assert_eq!(rates, [0.5, 0.5, 0.5, 0.25, 0.01]);
        assert_eq!(Schedule::Linear { rate: 0.5, hold: 9 }.rate(1, 2), 0.5);
        assert!(Schedule::Cosine { rate: 0.1, last: 0.2 }.problem().is_some());
    }

    #[test]
    fn a_schedule_that_starts_elsewhere_keeps_its_shape() {
        for schedule in [
            Schedule::Constant { rate: 0.5 },
            Schedule::Cosine { rate: 0.5, last: 0.125 },
            Schedule::Exponential { rate: 0.5, factor: 0.5 },
            Schedule::Linear { rate: 0.5, hold: 2 },
        ] {
            let higher = schedule.starting_at(2.0).unwrap();
            for epoch in 0..10 {
                let (higher, rate) = (higher.rate(epoch, 10), schedule.rate(epoch, 10));
                assert!((higher - 4.0 * rate).abs() < 1e-12, "{schedule:?} {epoch}");
            }
        }
        assert!(Schedule::Staged { stages: 3 }.starting_at(2.0).is_none());
    }
}
