//! One type for the settings of all objectives, and one for their losses.

/// `ObjectiveConfig` and `AnyLoss`, with a variant for each `file::Settings`.
macro_rules! choice {
    ($($(#[$doc:meta])* $module:ident::$name:ident,)*) => {
        /// `[objective]`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(tag = "kind", rename_all = "lowercase")]
        pub enum ObjectiveConfig {
            $($(#[$doc])* $name($module::$name),)*
        }

        $(impl From<$module::$name> for ObjectiveConfig {
            fn from(settings: $module::$name) -> Self {
                Self::$name(settings)
            }
        })*

        impl ObjectiveConfig {
            /// One of each kind, for laws.
            pub fn examples() -> Vec<Self> {
                vec![$(Self::$name($module::$name::example()),)*]
            }

            /// Its `kind`.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => stringify!($module),)*
                }
            }

            /// What is wrong between the settings, if anything.
            pub fn problem(&self) -> Option<String> {
                match self {
                    $(Self::$name(settings) => settings.problem(),)*
                }
            }

            /// What a sweep varies: the weight, or the capacity.
            pub fn strength(&self) -> f64 {
                match self {
                    $(Self::$name(settings) => settings.strength(),)*
                }
            }

            /// Advice against a collapsed posterior, beginning with the option.
            pub fn against_collapse(&self) -> String {
                match self {
                    $(Self::$name(settings) => settings.against_collapse(),)*
                }
            }

            /// The loss of codes of width `latent`, its networks fresh.
            pub fn loss<B: Backend>(
                &self,
                latent: usize,
                init: &mut Initialiser<'_, B>,
            ) -> AnyLoss<B> {
                match self {
                    $(Self::$name(settings) => AnyLoss::$name(settings.loss(latent, init)),)*
                }
            }
        }

        /// The loss of any objective.
        #[derive(Module, Debug)]
        pub enum AnyLoss<B: Backend> {
            $($(#[$doc])* $name(<$module::$name as Settings>::Loss<B>),)*
        }

        impl<B: Backend> Loss<B> for AnyLoss<B> {
            fn terms(&self, encoded: &Encoded<'_, B>) -> Terms<B> {
                match self {
                    $(Self::$name(loss) => loss.terms(encoded),)*
                }
            }

            fn depends_on_batch(&self) -> bool {
                match self {
                    $(Self::$name(loss) => Loss::<B>::depends_on_batch(loss),)*
                }
            }

            fn is_settled(&self, at: Moment) -> bool {
                match self {
                    $(Self::$name(loss) => Loss::<B>::is_settled(loss, at),)*
                }
            }
        }
    };
}
pub(super) use choice;
