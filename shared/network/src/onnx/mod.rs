//! A network as ONNX models, for other programs to run: encoder, decoder, and the prior and the classifier where there
//! is one.
//!
//! Numbers of fields and enumerations are those of onnx.proto3 of the Open Neural Network Exchange.

mod graph;
mod layers;

use kernels::nn::Activation;

use self::graph::{Graph, whole};
use super::{Coder, Decoder, Input, Layer, Network, Pixels, Prior};

/// A model, by the name of its file.
pub struct Model {
    /// One of [`Self::NAMES`].
    pub name: &'static str,
    /// The file.
    pub bytes: Vec<u8>,
}

impl Model {
    /// All that a network may have.
    pub const NAMES: [&str; 4] = ["encoder", "decoder", "classifier", "prior"];

    /// The file of the model of this name.
    pub fn file_name(name: &str) -> String {
        format!("{name}.onnx")
    }
}

/// Widths of what goes into a model and comes out.
#[derive(Clone, Copy)]
struct Widths {
    pixels: usize,
    latent: usize,
    condition: usize,
}

impl Network {
    /// The models, for images of `pixels` numbers and codes of `latent`. All tensors are `[batch, width]`:
    /// the encoder makes `mean` and, where the code is no point, `log_var` of `x`; the decoder makes the mean
    /// `x` of p(x|z) of `z` (of logistic pixels their location); the prior makes `z` of standard normal numbers `eps`;
    /// the classifier makes log p(class|x), `log_p`, of `x`. Where there is a condition, `c` is a further input.
    pub fn onnx(&self, pixels: usize, latent: usize, about: &str) -> Vec<Model> {
        let condition = self.condition_width();
        let widths = Widths { pixels, latent, condition };
        let mut models = vec![
            Model { name: "encoder", bytes: encoder(&self.encoder, widths, about) },
            Model { name: "decoder", bytes: decoder(&self.decoder, widths, about) },
        ];
        if let Some(layers) = &self.classes {
            models.push(Model { name: "classifier", bytes: classifier(layers, widths, about) });
        }
        if let Some(bytes) = prior(&self.prior, widths, about) {
            models.push(Model { name: "prior", bytes });
        }
        models
    }
}

fn encoder(coder: &Coder, widths: Widths, about: &str) -> Vec<u8> {
    let mut graph = Graph::new(widths.condition);
    let outputs = coded(&mut graph, coder, widths);
    let outputs: Vec<(&str, String, usize)> = ["mean", "log_var"]
        .into_iter()
        .zip(outputs)
        .map(|(name, from)| (name, from, widths.latent))
        .collect();
    graph.finish("encoder", about, &outputs)
}

/// mu and, of a distribution, log sigma^2.
fn coded(graph: &mut Graph, coder: &Coder, widths: Widths) -> Vec<String> {
    let hidden = inputs(graph, &coder.trunk.inputs, widths);
    let hidden = graph.layers(&coder.trunk.layers, hidden);
    let heads = std::iter::once(&coder.mean).chain(&coder.log_var);
    heads.map(|head| graph.layers(head, hidden.clone())).collect()
}

fn decoder(decoder: &Decoder, widths: Widths, about: &str) -> Vec<u8> {
    let mut graph = Graph::new(widths.condition);
    let hidden = inputs(&mut graph, &decoder.trunk.inputs, widths);
    let hidden = graph.layers(&decoder.trunk.layers, hidden);
    let mut x = graph.layers(&decoder.output, hidden);
    if !matches!(decoder.pixels, Pixels::Gaussian(_)) {
        x = graph.activated(Activation::Sigmoid, x);
    }
    if let Some(places) = &decoder.places {
        x = graph.completed(places, x);
    }
    graph.finish("decoder", about, &[("x", x, widths.pixels)])
}

fn classifier(layers: &[Layer], widths: Widths, about: &str) -> Vec<u8> {
    let mut graph = Graph::new(widths.condition);
    let x = graph.input("x", widths.pixels);
    let logits = graph.layers(layers, x);
    let log_p = graph.node("LogSoftmax", &[&logits], &[whole("axis", 1)]);
    let classes = layers.iter().rev().find_map(Layer::outputs).unwrap_or(0);
    graph.finish("classifier", about, &[("log_p", log_p, classes)])
}

fn prior(prior: &Prior, widths: Widths, about: &str) -> Option<Vec<u8>> {
    let mut graph = Graph::new(widths.condition);
    let eps = graph.input("eps", widths.latent);
    let z = match prior {
        Prior::None => return None,
        Prior::Standard => eps,
        Prior::Scaled(by) => graph.with_row("Mul", eps, by),
        Prior::Conditional(coder) => {
            let coded = coded(&mut graph, coder, widths);
            let [mean, log_var] = coded.as_slice() else { return None };
            // mu + exp(log sigma^2 / 2) eps
            let half = graph.with_row("Mul", log_var.clone(), &vec![0.5; widths.latent]);
            let deviation = graph.node("Exp", &[&half], &[]);
            let noise = graph.node("Mul", &[&deviation, &eps], &[]);
            graph.node("Add", &[mean, &noise], &[])
        }
    };
    Some(graph.finish("prior", about, &[("z", z, widths.latent)]))
}

/// What a chain of layers starts from.
fn inputs(graph: &mut Graph, inputs: &[Input], widths: Widths) -> String {
    let values: Vec<String> = inputs.iter().map(|&one| input(graph, one, widths)).collect();
    let names: Vec<&str> = values.iter().map(String::as_str).collect();
    match names[..] {
        [one] => one.to_owned(),
        _ => graph.joined(&names),
    }
}

fn input(graph: &mut Graph, input: Input, widths: Widths) -> String {
    match input {
        Input::Image => graph.input("x", widths.pixels),
        Input::Code => graph.input("z", widths.latent),
        Input::Condition => graph.condition(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Condition, Trunk};

    #[test]
    fn a_prior_has_a_model_and_none_has_none() {
        let layer = || Layer::Dense {
            weight: vec![1.0; 6],
            is_transposed: false,
            bias: vec![0.0; 2],
            activation: Activation::Linear,
        };
        let of = |prior| Network {
            encoder: Coder::point(Input::Image, vec![layer()]),
            decoder: Decoder::of(vec![Input::Code], Vec::new(), vec![layer()], Pixels::Bernoulli),
            prior,
            condition: Condition::None,
            classes: None,
        };
        let conditional = Coder {
            trunk: Trunk::of(Input::Image, Vec::new()),
            mean: vec![layer()],
            log_var: Some(vec![layer()]),
        };
        let priors = [
            (Prior::None, false),
            (Prior::Standard, true),
            (Prior::Scaled(vec![2.0, 3.0]), true),
            (Prior::Conditional(conditional), true),
        ];
        for (prior, has) in priors {
            let models = of(prior.clone()).onnx(3, 2, "");
            assert_eq!(models.iter().any(|model| model.name == "prior"), has, "{prior:?}");
        }
    }
}
