use shared::data::{DataFile, DataSet, Package};

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

/// The corpus of music21 (Cuthbert & Ariza 2010), whose folder of Bach has the chorales as MusicXML.
pub(crate) const BACH: DataSet = DataSet {
    name: "bach",
    urls: &[],
    suffix: "",
    package: Some(Package::PipWheel { spec: "music21==10.5.1" }),
    files: &[DataFile {
        name: "music21-10.5.1-py3-none-any.whl",
        sha256: "dc3309498c4c95cebdf8d4f20c868deb6b63bce1d929cad4f51a7ccc982987b1",
        bytes: 20_118_992,
    }],
};

/// Sets of sequences that can be fetched.
pub const CATALOGUE: &[DataSet] = &[JSB, BACH];
