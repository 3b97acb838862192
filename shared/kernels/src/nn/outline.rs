//! How large a model would be, without making it: inside [`outlined`] layers are built as ever, but their
//! parameters have shapes and no numbers.

use std::cell::Cell;

use burn::{
    module::{Param, ParamId},
    tensor::Tensor,
};

use crate::backend::Backend;

/// The size of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outline {
    /// Fitted numbers.
    pub parameters: u64,
    /// Numbers that all layers together output for one row of input.
    pub outputs: u64,
}

thread_local! {
    // The constructors do not know that they are being outlined.
    static CURRENT: Cell<Option<Outline>> = const { Cell::new(None) };
}

/// Builds a model without its numbers, and says how large it would be. The model must not compute.
pub fn outlined<T>(build: impl FnOnce() -> T) -> (T, Outline) {
    /// Ends the outline, after a panic too.
    struct Ending;
    impl Drop for Ending {
        fn drop(&mut self) {
            CURRENT.set(None);
        }
    }
    CURRENT.set(Some(Outline::default()));
    let _ending = Ending;
    let model = build();
    (model, CURRENT.get().unwrap_or_default())
}

/// True inside [`outlined`].
pub(super) fn is_outlining() -> bool {
    CURRENT.get().is_some()
}

/// Counts numbers that a layer outputs for one row.
pub(super) fn add_outputs(numbers: u64) {
    if let Some(outline) = CURRENT.get() {
        let outputs = outline.outputs.saturating_add(numbers);
        CURRENT.set(Some(Outline { outputs, ..outline }));
    }
}

/// A parameter of this shape without numbers, counted; `None` outside [`outlined`].
pub(super) fn outlined_parameter<B: Backend, const D: usize>(
    id: ParamId,
    shape: [usize; D],
    device: &B::Device,
) -> Option<Param<Tensor<B, D>>> {
    let outline = CURRENT.get()?;
    let numbers = shape.iter().fold(1u64, |product, &side| product.saturating_mul(side as u64));
    let parameters = outline.parameters.saturating_add(numbers);
    CURRENT.set(Some(Outline { parameters, ..outline }));
    let zeros = move |device: &B::Device, _: bool| Tensor::zeros(shape, device);
    Some(Param::uninitialized(id, zeros, device.clone(), false, shape.into()))
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::{
        backend::{Flex, Window},
        nn::{
            Activation, Cell as RecurrentCell, Convolution, Dense, Init, Initialiser, Recurrent,
            TransposedConvolution,
        },
        noise::Noise,
    };

    #[test]
    fn a_layer_far_too_large_is_counted_and_not_made() {
        let device = Default::default();
        let (layer, outline) = outlined(|| {
            let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
            Dense::new(1 << 31, 1 << 31, Activation::Linear, &mut init)
        });
        assert_eq!(outline.parameters, (1 << 62) + (1 << 31));
        assert_eq!((outline.outputs, layer.outputs()), (1 << 31, 1 << 31));
        assert!(!is_outlining());
        // Larger than can be counted.
        let window = Window { side: 4, stride: 2, padding: 1 };
        let far: usize = 1 << 62;
        let uncounted = Outline { parameters: u64::MAX, outputs: u64::MAX };
        let of = |make: &dyn Fn(&mut Initialiser<'_, Flex>)| {
            outlined(|| make(&mut Initialiser::new(Init::Glorot, Noise::new(1), &device))).1
        };
        for cell in [RecurrentCell::Gru, RecurrentCell::Lstm] {
            let recurrent = of(&|init| drop(Recurrent::new(cell, 5, far, init)));
            assert_eq!(recurrent, uncounted, "{cell:?}");
        }
        let f = Activation::Linear;
        let convolution = of(&|init| drop(Convolution::new([8, 8, 1], far, window, f, init)));
        assert_eq!(convolution, uncounted);
        let of_channels = of(&|init| drop(Convolution::new([8, 8, far], 3, window, f, init)));
        assert_eq!(of_channels.parameters, u64::MAX);
        let transposed =
            of(&|init| drop(TransposedConvolution::new([8, 8, far], far, window, f, init)));
        assert_eq!(transposed, uncounted);
    }

    #[test]
    fn outputs_of_convolutions_and_recurrent_layers_are_counted() {
        let device = Default::default();
        let window = Window { side: 4, stride: 2, padding: 1 };
        let (_, outline) = outlined(|| {
            let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
            Convolution::new([8, 8, 1], 3, window, Activation::Linear, &mut init)
        });
        assert_eq!(outline, Outline { parameters: 4 * 4 * 3 + 3, outputs: 4 * 4 * 3 });
        let (_, outline) = outlined(|| {
            let mut init = Initialiser::<Flex>::new(Init::Glorot, Noise::new(1), &device);
            Recurrent::new(RecurrentCell::Lstm, 5, 3, &mut init)
        });
        assert_eq!(outline, Outline { parameters: (5 + 3) * 12 + 24, outputs: 24 });
    }
}
