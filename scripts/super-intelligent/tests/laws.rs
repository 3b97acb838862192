//! What the yardstick promises: that nothing is lost, and nothing is learned.

use burn::tensor::{Tensor, TensorData};
use proptest::prelude::*;
use shared::{autoencoder::Autoencoder, backend::Flex};
use super_intelligent::{
    CopyModel,
    config::{Kind, ModelConfig},
    packing::{PIXELS, pack, unpack},
};

type B = Flex;

fn rows(values: &[f32], width: usize) -> Tensor<B, 2> {
    let data = TensorData::new(values.to_vec(), [values.len() / width, width]);
    Tensor::from_data(data, &Default::default())
}

fn values(tensor: Tensor<B, 2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}

proptest! {
    /// Images of four grey levels come back to the bit.
    #[test]
    fn packing_loses_nothing_of_four_levels(levels in prop::collection::vec(0u8..4, 5 * PIXELS)) {
        let pixels: Vec<f32> = levels.iter().map(|&level| f32::from(level) / 3.0).collect();
        let code = pack(rows(&pixels, PIXELS * 5));
        prop_assert_eq!(code.dims(), [1, 5]);
        prop_assert!(values(code.clone()).iter().all(|z| (-2.0..2.0).contains(z)));
        prop_assert_eq!(values(unpack(code)), pixels);
    }

    /// Any others are at most half a level away, and any code is an image.
    #[test]
    fn packing_rounds(pixels in prop::collection::vec(0f32..=1.0, 2 * PIXELS), z in -9f32..9.0) {
        let found = values(unpack(pack(rows(&pixels, 2 * PIXELS))));
        for (found, wanted) in found.iter().zip(&pixels) {
            prop_assert!((found - wanted).abs() <= 1.0 / 6.0 + 1e-6);
        }
        let drawn = values(unpack(rows(&[z], 1)));
        prop_assert!(drawn.iter().all(|v| (0.0..=1.0).contains(v)));
    }

    /// Digits of both kinds of model, with room to spare and without.
    #[test]
    fn reconstructs_what_there_is_room_for(
        pixels in prop::collection::vec(0u8..4, 60), latent in 1usize..8,
    ) {
        let pixels: Vec<f32> = pixels.iter().map(|&level| f32::from(level) / 3.0).collect();
        let config = ModelConfig { kind: Kind::Packed, latent };
        let model = CopyModel::<B>::new(&config, 60, &Default::default());
        let code = model.encode(rows(&pixels, 60), None).mean();
        prop_assert_eq!(code.dims(), [1, latent]);
        let restored = values(model.decode(code, None).mean());
        let held = (latent * PIXELS).min(60);
        let before = (60 - held) / 2;
        for (place, (found, wanted)) in restored.iter().zip(&pixels).enumerate() {
            let is_held = (before..before + held).contains(&place);
            prop_assert_eq!(*found, if is_held { *wanted } else { 0.0 });
        }
    }
}

#[test]
fn a_copy_is_the_image() {
    let config = ModelConfig { kind: Kind::Copied, latent: 3 };
    let model = CopyModel::<B>::new(&config, 3, &Default::default());
    let code = model.encode(rows(&[0.1, 0.2, 0.9], 3), None).mean();
    assert_eq!(values(model.decode(code, None).mean()), [0.1, 0.2, 0.9]);
}
