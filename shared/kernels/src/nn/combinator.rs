use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorPrimitive, activation},
};

use super::Initialiser;
use crate::backend::Backend;

/// The combinator of a ladder network: the estimate of each unit of a layer, linear in its noisy value z~, with
/// coefficients that depend on the signal u from the layer above (Rasmus et al. 2015, equation 2):
///
/// ```text
/// g(z~, u) = (z~ - mu(u)) v(u) + mu(u)
/// mu(u) = a_1 sigmoid(a_2 u + a_3) + a_4 u + a_5
/// v(u)  = a_6 sigmoid(a_7 u + a_8) + a_9 u + a_10
/// ```
///
/// For a Gaussian z it is the best denoising function: mu(u) is the prior mean, v(u) the share of the noisy
/// value that is signal.
#[derive(Module, Debug)]
pub struct Combinator<B: Backend> {
    /// a_1 to a_10 of each unit, `[10, units]`.
    parameters: Param<Tensor<B, 2>>,
}

impl<B: Backend> Combinator<B> {
    /// The combinator of a layer of this many units. a_2 and a_7 start at 1, a_1, a_3 to a_6, a_8 and a_9 at 0, so that
    /// mu(u) = 0 and v(u) = a_10: with 0 the first estimate is mu(u), with 1 the noisy value itself.
    pub fn new(units: usize, a10: f32, init: &mut Initialiser<'_, B>) -> Self {
        let start = [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, a10];
        let values = start.iter().flat_map(|&value| std::iter::repeat_n(value, units)).collect();
        Self { parameters: init.parameter(values, [start.len(), units]) }
    }

    /// a_1 to a_10 of each unit, `[10, units]`.
    pub fn coefficients(&self) -> Tensor<B, 2> {
        self.parameters.val()
    }

    /// g(z~, u), all `[examples, units]`.
    ///
    /// # Panics
    /// If z~ and u differ in shape, or their units from the layer's: a mistake of the model.
    pub fn forward(&self, lateral: Tensor<B, 2>, above: Tensor<B, 2>) -> Tensor<B, 2> {
        assert_eq!(lateral.dims(), above.dims(), "rows and units of z~ and u");
        let units = self.parameters.dims()[1];
        assert_eq!(lateral.dims()[1], units, "units of z~ and of the combinator");
        let estimate = B::combine(
            lateral.into_primitive().tensor(),
            above.into_primitive().tensor(),
            self.parameters.val().into_primitive().tensor(),
        );
        Tensor::from_primitive(TensorPrimitive::Float(estimate))
    }

    /// mu(u): the estimate from the layer above alone, `[examples, units]`.
    pub fn prior_mean(&self, above: Tensor<B, 2>) -> Tensor<B, 2> {
        let row = |row: usize| self.parameters.val().narrow(0, row, 1); // [1, units]
        activation::sigmoid(above.clone() * row(1) + row(2)) * row(0) + above * row(3) + row(4)
    }
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::{backend::Flex, nn::Init, noise::Noise};

    /// g of two matrices of these sizes, of a layer of 3 units.
    fn combined(lateral: [usize; 2], above: [usize; 2]) {
        let device = Default::default();
        let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
        let [z, u] = [lateral, above].map(|sizes| Tensor::zeros(sizes, &device));
        Combinator::new(3, 1.0, &mut init).forward(z, u);
    }

    #[test]
    #[should_panic(expected = "rows and units of z~ and u")]
    fn fewer_rows_above_are_refused() {
        combined([4, 3], [2, 3]);
    }

    #[test]
    #[should_panic(expected = "units of z~ and of the combinator")]
    fn other_units_are_refused() {
        combined([4, 2], [4, 2]);
    }

    #[test]
    fn it_starts_with_a_share_of_the_noisy_value_and_knows_its_prior_mean() {
        let device = Default::default();
        let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
        let mut combinator = Combinator::new(2, 0.25, &mut init);
        let z = Tensor::<Flex, 2>::from_floats([[0.5, -2.0], [3.0, 1.0]], &device);
        let u = Tensor::<Flex, 2>::from_floats([[1.5, 0.3], [-0.7, 2.0]], &device);
        let start = combinator.forward(z.clone(), u.clone());
        assert!((start - z * 0.25).abs().max().into_scalar() < 1e-6);
        // Whatever the parameters, g(mu(u), u) = mu(u).
        combinator.parameters = combinator.parameters.map(|a| {
            let rows = Tensor::arange(0..20, &device).float().reshape([10, 2]).sin();
            a + rows
        });
        let mu = combinator.prior_mean(u.clone());
        let found = combinator.forward(mu.clone(), u);
        assert!((found - mu).abs().max().into_scalar() < 1e-5);
    }
}
