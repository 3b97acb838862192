use burn::{
    module::{Module, Param},
    tensor::{Tensor, TensorPrimitive},
};

use super::{Activation, Initialiser, outline::add_outputs};
use crate::backend::{Backend, Geometry, Window};

/// A convolution, y = f(P(x) W + b): one dense layer for every patch of the image.
///
/// Exported as it is, W is `[side * side * channels in, channels out]`; PyTorch's is
/// `W.view(side, side, channels_in, channels_out).permute(3, 2, 0, 1)`.
#[derive(Module, Debug)]
pub struct Convolution<B: Backend> {
    /// W, `[side * side * channels in, channels out]`.
    pub weight: Param<Tensor<B, 2>>,
    /// b, `[channels out]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
    #[module(skip)]
    geometry: Geometry,
}

impl<B: Backend> Convolution<B> {
    /// A layer with freshly drawn weights for images of `[height, width, channels]`.
    pub fn new(
        image: [usize; 3],
        channels: usize,
        window: Window,
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let geometry = Geometry { image, window };
        let (patch, area) = (geometry.patch(), window.side * window.side);
        // Saturating: a layer far too large is outlined, not made.
        let weight = init.shared_weight([patch, channels], [patch, area.saturating_mul(channels)]);
        add_outputs(beyond_bias(geometry.positions(), channels));
        Self { weight, bias: init.bias(channels), activation, geometry }
    }

    /// `[examples, height * width * channels]` of [`Self::outputs`] for x `[examples, height *
    /// width * channels]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let examples = x.dims()[0];
        let weight = self.weight.val().into_primitive().tensor();
        // [examples * positions, channels out]
        let sum = B::convolve(x.into_primitive().tensor(), weight, self.geometry);
        let y = B::activate(sum, self.bias.val().into_primitive().tensor(), self.activation);
        Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(y))
            .reshape([examples, self.outputs().iter().product()])
    }

    /// Height, width and channels of an output.
    pub fn outputs(&self) -> [usize; 3] {
        let [height, width] = self.geometry.positions();
        [height, width, self.bias.lazy_shape().dims::<1>()[0]]
    }

    /// f.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The window, and the image it moves over: the input.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }
}

/// A convolution backwards: every pixel of the image makes a patch of the output, and overlapping
/// patches add up.
///
/// Exported as it is, W is `[channels in, side * side * channels out]`; PyTorch's is
/// `W.view(channels_in, side, side, channels_out).permute(0, 3, 1, 2)`.
#[derive(Module, Debug)]
pub struct TransposedConvolution<B: Backend> {
    /// W, from the channels of a pixel to a patch, `[channels in, side * side * channels out]`.
    pub weight: Param<Tensor<B, 2>>,
    /// b, `[channels out]`.
    pub bias: Param<Tensor<B, 1>>,
    #[module(skip)]
    activation: Activation,
    /// Of the output.
    #[module(skip)]
    geometry: Geometry,
}

impl<B: Backend> TransposedConvolution<B> {
    /// A layer with freshly drawn weights for images of `[height, width, channels]`.
    pub fn new(
        [height, width, inputs]: [usize; 3],
        channels: usize,
        window: Window,
        activation: Activation,
        init: &mut Initialiser<'_, B>,
    ) -> Self {
        let geometry = Geometry::around([height, width], channels, window);
        let (patch, area) = (geometry.patch(), window.side * window.side);
        let weight = init.shared_weight([inputs, patch], [area.saturating_mul(inputs), patch]);
        let [down, across, _] = geometry.image;
        add_outputs(beyond_bias([down, across], channels));
        Self { weight, bias: init.bias(channels), activation, geometry }
    }

    /// `[examples, height * width * channels]` of [`Self::outputs`] for x `[examples, height *
    /// width * channels]`.
    pub fn forward(&self, x: Tensor<B, 2>) -> Tensor<B, 2> {
        let examples = x.dims()[0];
        let [down, across] = self.geometry.positions();
        let [height, width, channels] = self.geometry.image;
        // [examples * positions, channels in]
        let x = x.reshape([examples * down * across, self.weight.dims()[0]]);
        let weight = self.weight.val().into_primitive().tensor();
        // [examples, height * width * channels out]
        let sum = B::convolve_transposed(x.into_primitive().tensor(), weight, self.geometry);
        let sum = B::float_reshape(sum, [examples * height * width, channels].into());
        let y = B::activate(sum, self.bias.val().into_primitive().tensor(), self.activation);
        Tensor::<B, 2>::from_primitive(TensorPrimitive::Float(y))
            .reshape([examples, self.geometry.pixels()])
    }

    /// Height, width and channels of an output.
    pub fn outputs(&self) -> [usize; 3] {
        self.geometry.image
    }

    /// f.
    pub fn activation(&self) -> Activation {
        self.activation
    }

    /// The window, and the image it moves over: the output.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }
}

/// Numbers of an output of these places, but for one place, for which the bias counts.
fn beyond_bias([down, across]: [usize; 2], channels: usize) -> u64 {
    ((down * across).saturating_sub(1) as u64).saturating_mul(channels as u64)
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use burn::{
        backend::Autodiff,
        tensor::{
            TensorData, module,
            ops::{ConvOptions, ConvTransposeOptions},
        },
    };

    use super::*;
    use crate::{
        backend::{Flex, NdArray},
        nn::Init,
        noise::{Noise, Stream},
    };

    type B = Autodiff<Flex>;

    const WINDOWS: [Window; 4] = [
        Window { side: 4, stride: 2, padding: 1 },
        Window { side: 3, stride: 1, padding: 1 },
        Window { side: 3, stride: 2, padding: 0 },
        Window { side: 2, stride: 2, padding: 1 },
    ];

    fn random<B: Backend, const D: usize>(shape: [usize; D], key: u64) -> Tensor<B, D> {
        let values = Noise::new(7).normal(Stream::Generate, key, &[0], shape.iter().product());
        Tensor::from_data(TensorData::new(values, shape), &Default::default())
    }

    fn close<const D: usize>(a: Tensor<Flex, D>, b: Tensor<Flex, D>) {
        assert_eq!(a.dims(), b.dims());
        for (a, b) in a.into_data().iter::<f32>().zip(b.into_data().iter::<f32>()) {
            assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{a} {b}");
        }
    }

    /// `[examples, height * width * channels]` as `[examples, channels, height, width]`.
    fn channels_first(x: Tensor<B, 2>, [height, width, channels]: [usize; 3]) -> Tensor<B, 4> {
        let examples = x.dims()[0];
        x.reshape([examples, height, width, channels]).permute([0, 3, 1, 2])
    }

    /// And back.
    fn channels_last(x: Tensor<B, 4>) -> Tensor<B, 2> {
        let [examples, channels, height, width] = x.dims();
        x.permute([0, 2, 3, 1]).reshape([examples, height * width * channels])
    }

    /// Both give the same outputs and the same gradients of x, weight and bias.
    fn equal(
        x: [usize; 2],
        weight: Param<Tensor<B, 2>>,
        ours: impl Fn(Tensor<B, 2>, Tensor<B, 2>, Tensor<B, 1>) -> Tensor<B, 2>,
        burns: impl Fn(Tensor<B, 2>, Tensor<B, 2>, Tensor<B, 1>) -> Tensor<B, 2>,
        channels: usize,
    ) {
        let run = |f: &dyn Fn(Tensor<B, 2>, Tensor<B, 2>, Tensor<B, 1>) -> Tensor<B, 2>| {
            let x = random::<B, 2>(x, 1).require_grad();
            let weight = weight.val().detach().require_grad();
            let bias = random::<B, 1>([channels], 2).require_grad();
            let y = f(x.clone(), weight.clone(), bias.clone());
            let slopes = random::<B, 2>(y.dims(), 3);
            let gradients = (y.clone() * slopes).sum().backward();
            let of = |tensor: &Tensor<B, 2>| tensor.grad(&gradients);
            let (Some(x), Some(weight)) = (of(&x), of(&weight)) else { panic!("no gradient") };
            let Some(bias) = bias.grad(&gradients) else { panic!("no gradient") };
            (y.inner(), x, weight, bias)
        };
        let (a, b) = (run(&ours), run(&burns));
        close(a.0, b.0);
        close(a.1, b.1);
        close(a.2, b.2);
        close(a.3, b.3);
    }

    fn initialiser<R>(init: Init, make: impl FnOnce(&mut Initialiser<'_, B>) -> R) -> R {
        make(&mut Initialiser::new(init, Noise::new(1), &Default::default()))
    }

    #[test]
    fn a_convolution_equals_burns() {
        let image = [7, 6, 3];
        for window in WINDOWS {
            let Window { side, stride, padding } = window;
            for f in [Activation::Linear, Activation::Tanh] {
                let layer =
                    initialiser(Init::He, |init| Convolution::<B>::new(image, 5, window, f, init));
                let ours = |x, weight, bias| {
                    let mut layer = layer.clone();
                    layer.weight = Param::from_tensor(weight);
                    layer.bias = Param::from_tensor(bias);
                    layer.forward(x)
                };
                let burns = |x, weight: Tensor<B, 2>, bias| {
                    let weight = weight.reshape([side, side, 3, 5]).permute([3, 2, 0, 1]);
                    let options = ConvOptions::new([stride; 2], [padding; 2], [1; 2], 1);
                    let y = module::conv2d(channels_first(x, image), weight, Some(bias), options);
                    let y = channels_last(y);
                    if f == Activation::Tanh { y.tanh() } else { y }
                };
                equal([4, 7 * 6 * 3], layer.weight.clone(), ours, burns, 5);
            }
        }
    }

    #[test]
    fn a_transposed_convolution_equals_burns() {
        let image = [3, 4, 5];
        for window in WINDOWS {
            let Window { side, stride, padding } = window;
            for f in [Activation::Linear, Activation::Relu] {
                let layer = initialiser(Init::He, |init| {
                    TransposedConvolution::<B>::new(image, 2, window, f, init)
                });
                let ours = |x, weight, bias| {
                    let mut layer = layer.clone();
                    layer.weight = Param::from_tensor(weight);
                    layer.bias = Param::from_tensor(bias);
                    layer.forward(x)
                };
                let burns = |x, weight: Tensor<B, 2>, bias| {
                    let weight = weight.reshape([5, side, side, 2]).permute([0, 3, 1, 2]);
                    let options =
                        ConvTransposeOptions::new([stride; 2], [padding; 2], [0; 2], [1; 2], 1);
                    let x = channels_first(x, image);
                    let y = channels_last(module::conv_transpose2d(x, weight, Some(bias), options));
                    if f == Activation::Relu { burn::tensor::activation::relu(y) } else { y }
                };
                equal([4, 3 * 4 * 5], layer.weight.clone(), ours, burns, 2);
            }
        }
    }

    /// A convolution and its mirror image.
    fn there_and_back<B: Backend>(
        device: &B::Device,
    ) -> (Convolution<B>, TransposedConvolution<B>) {
        let mut init = Initialiser::new(Init::Glorot, Noise::new(3), device);
        let there = Convolution::new([8, 8, 1], 3, WINDOWS[0], Activation::Tanh, &mut init);
        let back = there.outputs();
        (there, TransposedConvolution::new(back, 1, WINDOWS[0], Activation::Linear, &mut init))
    }

    #[test]
    fn gradients_equal_finite_differences() {
        let (there, back) = there_and_back::<B>(&Default::default());
        assert_eq!((there.outputs(), back.outputs()), ([4, 4, 3], [8, 8, 1]));
        let loss = |weight: Tensor<B, 2>| {
            let mut there = there.clone();
            there.weight = Param::from_tensor(weight);
            back.forward(there.forward(random([2, 64], 5))).square().sum()
        };
        let weight = there.weight.val().detach();
        let tracked = weight.clone().require_grad();
        let gradient = tracked.grad(&loss(tracked.clone()).backward()).unwrap();
        let direction = random::<B, 2>(weight.dims(), 6);
        let slope: f32 = (gradient * direction.clone().inner()).sum().into_scalar();
        let at = |step: f32| -> f32 {
            loss((weight.clone() + direction.clone().mul_scalar(step)).detach()).into_scalar()
        };
        let difference = (at(1e-2) - at(-1e-2)) / 2e-2;
        assert!((slope - difference).abs() < 1e-2 * slope.abs(), "{slope} {difference}");
    }

    #[test]
    fn backends_agree() {
        let y = |(there, back): (Convolution<NdArray>, TransposedConvolution<NdArray>)| {
            back.forward(there.forward(random([2, 64], 5))).into_data()
        };
        let ndarray = y(there_and_back(&Default::default()));
        let (there, back) = there_and_back::<Flex>(&Default::default());
        let flex = back.forward(there.forward(random([2, 64], 5)));
        close(flex, Tensor::from_data(ndarray, &Default::default()));
    }

    #[test]
    fn weights_are_as_wide_as_their_fans() {
        let variance = |init: Init| {
            initialiser(init, |init| {
                let layer =
                    Convolution::<B>::new([9, 9, 4], 64, WINDOWS[1], Activation::Relu, init);
                layer.weight.val().square().mean().into_scalar()
            })
        };
        let (glorot, he) = (variance(Init::Glorot), variance(Init::He));
        assert!((glorot * 9.0 * 68.0 / 2.0 - 1.0).abs() < 0.1, "{glorot}");
        assert!((he * 36.0 / 2.0 - 1.0).abs() < 0.1, "{he}");
    }
}
