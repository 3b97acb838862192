use shared::data::{DataFile, DataSet};

/// Chorales by J. S. Bach, a step a quarter note (Boulanger-Lewandowski, Bengio & Vincent 2012), in the
/// published split.
pub(crate) const JSB: DataSet = DataSet {
    name: "jsb",
    urls: &["https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/master/"],
    suffix: "",
    package: None,
    files: &[DataFile {
        name: "jsb-chorales-quarter.json",
        sha256: "2db9329f1881a1d3f49703ec556bf1d6f84b4f6c1d702c156536e93cf31e1c91",
        bytes: 407_200,
    }],
};

/// Sets of sequences that can be fetched.
pub const CATALOGUE: &[DataSet] = &[JSB];
