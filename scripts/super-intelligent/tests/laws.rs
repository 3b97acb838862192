//! What the yardstick promises: that nothing is lost, and nothing is learned.

use burn::tensor::{Tensor, TensorData};
use shared::{
    autoencoder::Autoencoder,
    backend::Flex,
    noise::{Noise, Stream, uniform},
};
use super_intelligent::{
    Model,
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

/// Grey levels in [0, 1), always the same.
fn grey(draw: u64, count: usize) -> Vec<f32> {
    let mut generator = Noise::new(1).generator(Stream::Generate, draw, 0);
    (0..count).map(|_| uniform(&mut generator)).collect()
}

/// The same rounded to four.
fn four_levels(draw: u64, count: usize) -> Vec<f32> {
    grey(draw, count).iter().map(|v| (v * 4.0).floor() / 3.0).collect()
}

#[test]
fn packing_loses_nothing_of_four_levels() {
    let ends = [vec![0.0; 5 * PIXELS], vec![1.0; 5 * PIXELS]];
    for pixels in (0..200).map(|draw| four_levels(draw, 5 * PIXELS)).chain(ends) {
        let code = pack(rows(&pixels, 5 * PIXELS));
        assert_eq!(code.dims(), [1, 5]);
        assert!(values(code.clone()).iter().all(|z| (-2.0..2.0).contains(z)));
        assert_eq!(values(unpack(code)), pixels);
    }
}

#[test]
fn other_levels_are_rounded_and_any_number_is_an_image() {
    for draw in 0..200 {
        let pixels = grey(draw, 2 * PIXELS);
        let found = values(unpack(pack(rows(&pixels, 2 * PIXELS))));
        for (found, wanted) in found.iter().zip(&pixels) {
            assert!((found - wanted).abs() <= 1.0 / 6.0 + 1e-6);
        }
        let z = 18.0 * pixels[0] - 9.0;
        assert!(values(unpack(rows(&[z], 1))).iter().all(|v| (0.0..=1.0).contains(v)));
    }
}

#[test]
fn reconstructs_what_there_is_room_for() {
    for latent in 1..8 {
        let pixels = four_levels(latent as u64, 60);
        let config = ModelConfig { kind: Kind::Packed, latent };
        let model = Model::<B>::new(&config, 60, &Default::default());
        let code = model.encode(rows(&pixels, 60), None).mean();
        assert_eq!(code.dims(), [1, latent]);
        let restored = values(model.decode(code, None).mean());
        let held = (latent * PIXELS).min(60);
        let before = (60 - held) / 2;
        for (place, (found, wanted)) in restored.iter().zip(&pixels).enumerate() {
            let is_held = (before..before + held).contains(&place);
            assert_eq!(*found, if is_held { *wanted } else { 0.0 });
        }
    }
}

#[test]
fn a_copy_is_the_image() {
    let config = ModelConfig { kind: Kind::Copied, latent: 3 };
    let model = Model::<B>::new(&config, 3, &Default::default());
    let code = model.encode(rows(&[0.1, 0.2, 0.9], 3), None).mean();
    assert_eq!(values(model.decode(code, None).mean()), [0.1, 0.2, 0.9]);
}

#[test]
fn every_mistake_in_a_configuration_is_named() {
    let unnamed = shared::laws::configurations::mistakes_not_named::<super_intelligent::Paper>();
    assert!(unnamed.is_empty(), "{}", unnamed.join("\n"));
}

#[test]
fn how_large_a_model_will_be_is_known_before_it_is_made() {
    let shape = shared::data::PixelShape::grey(28, 28);
    let wrong = shared::laws::configurations::sizes_misjudged::<
        super_intelligent::Paper,
        shared::backend::Flex,
    >(shape);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
