use files::Message;
use kernels::nn::Activation;

/// Versions of the format and of its operators: those that every runtime of the last years reads.
const FORMAT: i64 = 8;
const OPERATORS: i64 = 17;
/// Types of numbers.
const FLOAT: i64 = 1;
const INT64: i64 = 7;

/// A graph under construction. Values have names; nodes are added in the order in which they are computed.
pub(super) struct Graph {
    inputs: Vec<(&'static str, usize)>,
    nodes: Vec<Message>,
    constants: Vec<Message>,
    values: usize,
    /// Numbers of a condition.
    condition: usize,
}

/// A whole number as an attribute of a node.
pub(super) fn whole(name: &str, value: i64) -> Message {
    Message::default().text(1, name).whole(3, value).whole(20, 2)
}

/// Whole numbers as an attribute.
pub(super) fn wholes(name: &str, values: &[i64]) -> Message {
    let attribute = Message::default().text(1, name);
    values.iter().fold(attribute, |attribute, &value| attribute.whole(8, value)).whole(20, 7)
}

/// A float as an attribute.
fn float(name: &str, value: f32) -> Message {
    Message::default().text(1, name).float(2, value).whole(20, 1)
}

impl Graph {
    pub(super) fn new(condition: usize) -> Self {
        let (inputs, nodes, constants) = (Vec::new(), Vec::new(), Vec::new());
        Self { inputs, nodes, constants, values: 0, condition }
    }

    fn fresh(&mut self) -> String {
        self.values += 1;
        format!("v{}", self.values)
    }

    /// An input `[batch, width]` of the model, added once.
    pub(super) fn input(&mut self, name: &'static str, width: usize) -> String {
        if self.inputs.iter().all(|(known, _)| *known != name) {
            self.inputs.push((name, width));
        }
        name.to_owned()
    }

    /// The input that holds the condition.
    pub(super) fn condition(&mut self) -> String {
        self.input("c", self.condition)
    }

    /// The value that an operator computes.
    pub(super) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[Message],
    ) -> String {
        let value = self.fresh();
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, &value).text(4, operator);
        self.nodes.push(attributes.iter().fold(node, |node, own| node.message(5, own)));
        value
    }

    /// Values side by side.
    pub(super) fn joined(&mut self, values: &[&str]) -> String {
        self.node("Concat", values, &[whole("axis", 1)])
    }

    /// So many columns of a value, from `first` on.
    pub(super) fn columns(&mut self, x: &str, first: usize, count: usize) -> String {
        let [start, end, axis] =
            [first, first + count, 1].map(|number| self.integers(&[1], &[number as i64]));
        self.node("Slice", &[x, &start, &end, &axis], &[])
    }

    fn constant(&mut self, shape: &[usize], kind: i64, bytes: &[u8]) -> String {
        let name = self.fresh();
        let dimensions = shape.iter().fold(Message::default(), |own, &n| own.whole(1, n as i64));
        self.constants.push(dimensions.whole(2, kind).text(8, &name).bytes(9, bytes));
        name
    }

    /// Constant numbers.
    pub(super) fn floats(&mut self, shape: &[usize], values: &[f32]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(shape, FLOAT, &bytes)
    }

    /// Constant whole numbers.
    pub(super) fn integers(&mut self, shape: &[usize], values: &[i64]) -> String {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(shape, INT64, &bytes)
    }

    /// A sum or product of each row with the same numbers.
    pub(super) fn with_row(&mut self, operator: &str, x: String, row: &[f32]) -> String {
        let row = self.floats(&[row.len()], row);
        self.node(operator, &[&x, &row], &[])
    }

    pub(super) fn activated(&mut self, activation: Activation, x: String) -> String {
        let (operator, attributes) = match activation {
            Activation::Linear => return x,
            Activation::Tanh => ("Tanh", vec![]),
            Activation::Relu => ("Relu", vec![]),
            // A fifth below zero.
            Activation::LeakyRelu => ("LeakyRelu", vec![float("alpha", 0.2)]),
            Activation::Sigmoid => ("Sigmoid", vec![]),
            Activation::Softplus => ("Softplus", vec![]),
        };
        self.node(operator, &[&x], &attributes)
    }

    /// The condition's pixels, with those of `x` at their places.
    pub(super) fn completed(&mut self, places: &[usize], x: String) -> String {
        let condition = self.condition();
        let places: Vec<i64> = places.iter().map(|&place| place as i64).collect();
        let places = self.integers(&[1, places.len()], &places);
        let shape = self.node("Shape", &[&x], &[]);
        let places = self.node("Expand", &[&places, &shape], &[]);
        self.node("ScatterElements", &[&condition, &places, &x], &[whole("axis", 1)])
    }

    /// The model as a file: `outputs` are names, the values they have, and their widths.
    pub(super) fn finish(
        mut self,
        name: &str,
        about: &str,
        outputs: &[(&str, String, usize)],
    ) -> Vec<u8> {
        let mut graph = Message::default();
        for (output, value, _) in outputs {
            let node = Message::default().text(1, value).text(2, output).text(4, "Identity");
            self.nodes.push(node);
        }
        for node in &self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, name);
        for constant in &self.constants {
            graph = graph.message(5, constant);
        }
        for (input, width) in &self.inputs {
            graph = graph.message(11, &described(input, *width));
        }
        for (output, _, width) in outputs {
            graph = graph.message(12, &described(output, *width));
        }
        let operators = Message::default().text(1, "").whole(2, OPERATORS);
        let model = Message::default()
            .whole(1, FORMAT)
            .text(2, "autoencoders")
            .text(6, about)
            .message(7, &graph)
            .message(8, &operators);
        model.into_bytes()
    }
}

/// A value `[batch, width]` by name.
fn described(name: &str, width: usize) -> Message {
    let batch = Message::default().text(2, "batch");
    let width = Message::default().whole(1, width as i64);
    let shape = Message::default().message(1, &batch).message(1, &width);
    let tensor = Message::default().whole(1, FLOAT).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}
