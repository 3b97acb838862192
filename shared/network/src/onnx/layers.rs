use kernels::{backend::Window, nn::Activation};

use super::{
    super::Layer,
    graph::{Graph, whole, wholes},
};

impl Graph {
    /// Layers one after another on top of a value.
    pub(super) fn layers(&mut self, layers: &[Layer], x: String) -> String {
        layers.iter().fold(x, |x, layer| self.layer(layer, x))
    }

    fn layer(&mut self, layer: &Layer, x: String) -> String {
        match layer {
            Layer::Dense { weight, is_transposed, bias, activation } => {
                let inputs = weight.len() / bias.len().max(1);
                let mut shape = [inputs, bias.len()];
                if *is_transposed {
                    shape.reverse();
                }
                let weight = self.floats(&shape, weight);
                let bias = self.floats(&[bias.len()], bias);
                let transposed = whole("transB", i64::from(*is_transposed));
                let y = self.node("Gemm", &[&x, &weight, &bias], &[transposed]);
                self.activated(*activation, y)
            }
            Layer::Convolution { weight, bias, activation, geometry } => {
                let [_, _, from] = geometry.image;
                let (side, to) = (geometry.window.side, bias.len());
                // [channels out, channels in, side, side]
                let at = |i: usize, j: usize, k: usize, o: usize| {
                    weight[((i * side + j) * from + k) * to + o]
                };
                let kernel = kernel([to, from, side], |o, k, i, j| at(i, j, k, o));
                let image = self.planes(x, geometry.image);
                let kernel = self.floats(&[to, from, side, side], &kernel);
                let bias = self.floats(&[to], bias);
                let y = self.node("Conv", &[&image, &kernel, &bias], &moved(geometry.window));
                let y = self.activated(*activation, y);
                self.row(y)
            }
            Layer::TransposedConvolution { weight, bias, activation, geometry } => {
                let [down, across] = geometry.positions();
                let [_, _, to] = geometry.image;
                let (side, patch) = (geometry.window.side, geometry.patch());
                let from = weight.len() / patch.max(1);
                // [channels in, channels out, side, side]
                let at = |k: usize, i: usize, j: usize, o: usize| {
                    weight[k * patch + (i * side + j) * to + o]
                };
                let kernel = kernel([from, to, side], |k, o, i, j| at(k, i, j, o));
                let image = self.planes(x, [down, across, from]);
                let kernel = self.floats(&[from, to, side, side], &kernel);
                let bias = self.floats(&[to], &bias[..to.min(bias.len())]);
                let mut attributes = moved(geometry.window);
                // An image from `Geometry::around` ends with the window's last position; the Python package reads this.
                attributes.push(wholes("output_padding", &[0, 0]));
                let y = self.node("ConvTranspose", &[&image, &kernel, &bias], &attributes);
                let y = self.activated(*activation, y);
                self.row(y)
            }
            Layer::Apply(activation) => self.activated(*activation, x),
            Layer::Shift(by) => self.with_row("Add", x, by),
            Layer::Scale(by) => self.with_row("Mul", x, by),
            Layer::Complete(places) => self.completed(places, x),
            Layer::Join => {
                let condition = self.condition();
                self.joined(&[&x, &condition])
            }
            Layer::Fork(layers) => {
                let image = self.layers(layers, x.clone());
                self.joined(&[&x, &image])
            }
            Layer::Softmax => self.node("Softmax", &[&x], &[whole("axis", 1)]),
            Layer::Combine(by) => {
                let units = by.len() / 10;
                let [z, u] = [0, 1].map(|half| self.columns(&x, half * units, units));
                let (of_mean, of_share) = by.split_at(5 * units);
                let (mean, share) = (self.bent(of_mean, &u), self.bent(of_share, &u));
                let beyond = self.node("Sub", &[&z, &mean], &[]);
                let kept = self.node("Mul", &[&beyond, &share], &[]);
                self.node("Add", &[&kept, &mean], &[])
            }
            Layer::PriorMean(by) => self.bent(by, &x),
        }
    }

    /// a_1 sigmoid(a_2 u + a_3) + a_4 u + a_5 of each unit, for a `[5, units]`.
    fn bent(&mut self, a: &[f32], u: &str) -> String {
        let units = a.len() / 5;
        let row = |row: usize| &a[row * units..][..units];
        let inner = self.with_row("Mul", u.to_owned(), row(1));
        let inner = self.with_row("Add", inner, row(2));
        let bend = self.activated(Activation::Sigmoid, inner);
        let bend = self.with_row("Mul", bend, row(0));
        let line = self.with_row("Mul", u.to_owned(), row(3));
        let sum = self.node("Add", &[&bend, &line], &[]);
        self.with_row("Add", sum, row(4))
    }

    /// Rows of pixels, a pixel's channels side by side, as images with their channels apart.
    fn planes(&mut self, x: String, [height, width, channels]: [usize; 3]) -> String {
        let shape = [-1, height as i64, width as i64, channels as i64];
        let shape = self.integers(&[4], &shape);
        let image = self.node("Reshape", &[&x, &shape], &[]);
        self.node("Transpose", &[&image], &[wholes("perm", &[0, 3, 1, 2])])
    }

    /// The reverse of [`Graph::planes`].
    fn row(&mut self, image: String) -> String {
        let image = self.node("Transpose", &[&image], &[wholes("perm", &[0, 2, 3, 1])]);
        self.node("Flatten", &[&image], &[whole("axis", 1)])
    }
}

/// Weights of a window, `[first, second, side, side]`.
fn kernel(
    [first, second, side]: [usize; 3],
    at: impl Fn(usize, usize, usize, usize) -> f32,
) -> Vec<f32> {
    let mut values = Vec::with_capacity(first * second * side * side);
    for a in 0..first {
        for b in 0..second {
            for i in 0..side {
                values.extend((0..side).map(|j| at(a, b, i, j)));
            }
        }
    }
    values
}

/// How a window moves, as attributes.
fn moved(Window { side, stride, padding }: Window) -> Vec<files::Message> {
    let [side, stride, padding] = [side, stride, padding].map(|length| length as i64);
    vec![
        wholes("kernel_shape", &[side; 2]),
        wholes("strides", &[stride; 2]),
        wholes("pads", &[padding; 4]),
    ]
}
