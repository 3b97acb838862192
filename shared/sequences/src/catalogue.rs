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

/// First names of women and of men in the US census of 1990, by frequency. In the public domain.
pub(crate) const NAMES: DataSet = DataSet {
    name: "names",
    urls: &["https://www2.census.gov/topics/genealogy/1990surnames/"],
    suffix: "",
    package: Some(Package::PipSource { spec: "names==0.3.0", folder: "names-0.3.0/names/" }),
    files: &[
        DataFile {
            name: "dist.female.first",
            sha256: "bd2f310fc4e5d5e5ea122c9d4342c9821145823118eb20db1647f305ec77b358",
            bytes: 149_625,
        },
        DataFile {
            name: "dist.male.first",
            sha256: "0a5078ef6effe3b483d15b0f7f95047662126c9bfb624ecd5e5b978fc0f2470b",
            bytes: 42_665,
        },
    ],
};

/// Sets of sequences that can be fetched.
pub const CATALOGUE: &[DataSet] = &[JSB, NAMES];
