use serde::de::Unexpected;

/// A setting made of numbers: one, a list of them, or one that may be left out.
pub trait Numbers {
    /// The type of each.
    type Number: Number;

    /// The first number that does not fit.
    fn first(&self, unfit: impl Fn(Self::Number) -> bool) -> Option<Self::Number>;
}

/// A number of a setting.
pub trait Number: Copy {
    /// Its value; whole numbers above 2^53 are rounded.
    fn value(self) -> f64;

    /// As serde describes it in an error.
    fn described(self) -> Unexpected<'static>;
}

macro_rules! whole {
    ($($number:ty),*) => {
        $(impl Number for $number {
            fn value(self) -> f64 {
                self as f64
            }

            fn described(self) -> Unexpected<'static> {
                Unexpected::Unsigned(self as u64)
            }
        })*
    };
}

whole!(u16, u32, u64, usize);

impl Number for f64 {
    fn value(self) -> f64 {
        self
    }

    fn described(self) -> Unexpected<'static> {
        Unexpected::Float(self)
    }
}

impl Number for f32 {
    fn value(self) -> f64 {
        self.into()
    }

    // 0.1 as it was written, not 0.10000000149.
    fn described(self) -> Unexpected<'static> {
        Unexpected::Float(self.to_string().parse().unwrap_or(self.into()))
    }
}

impl<N: Number> Numbers for N {
    type Number = N;

    fn first(&self, unfit: impl Fn(N) -> bool) -> Option<N> {
        Some(*self).filter(|&number| unfit(number))
    }
}

impl<N: Number> Numbers for Option<N> {
    type Number = N;

    fn first(&self, unfit: impl Fn(N) -> bool) -> Option<N> {
        self.filter(|&number| unfit(number))
    }
}

impl<N: Number> Numbers for Vec<N> {
    type Number = N;

    fn first(&self, unfit: impl Fn(N) -> bool) -> Option<N> {
        self.iter().copied().find(|&number| unfit(number))
    }
}
