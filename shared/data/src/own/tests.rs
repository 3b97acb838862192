use std::{fs, io::Write};

use image::{GrayImage, Luma, LumaA, Rgb, RgbImage};
use zip::{ZipWriter, write::SimpleFileOptions};

use super::*;
use crate::{Binarise, IMAGE_SOURCES, load, npy};

fn config(path: &Path, change: impl Fn(&mut ImageFiles)) -> DataConfig {
    let mut files = ImageFiles { path: path.into(), size: None, grey: false, label: None };
    change(&mut files);
    DataConfig::new("images", Binarise::None).with(Own::NAME, files)
}

fn loaded(path: &Path, change: impl Fn(&mut ImageFiles)) -> Result<Splits, String> {
    let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
    let splits = load(IMAGE_SOURCES, &config(path, change), &options, None);
    splits.map_err(|error| {
        let told = error.to_string();
        assert!(!told.contains('\n') && told.len() > 20, "{told}");
        told
    })
}

/// All images of all splits, each as its grey levels, with its class; in the order of the levels.
fn all(splits: &Splits) -> Vec<(Vec<u8>, u8)> {
    let mut found = Vec::new();
    for split in [&splits.train, &splits.valid, &splits.test] {
        for (row, label) in split.all_grey().rows().into_iter().zip(split.labels()) {
            found.push((row.iter().map(|v| (v * 255.0).round() as u8).collect(), label));
        }
    }
    found.sort();
    found
}

fn picture(number: usize) -> GrayImage {
    GrayImage::from_fn(3, 2, |x, y| Luma([(10 * number) as u8 + (3 * y + x) as u8]))
}

fn npz(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Twelve images in two classes.
fn expected() -> Vec<(Vec<u8>, u8)> {
    (0..12).map(|number| (picture(number).into_raw(), u8::from(number % 3 == 0))).collect()
}

#[test]
fn a_folder_an_archive_a_pair_and_a_table_of_the_same_images_are_the_same() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    for (number, (_, label)) in expected().iter().enumerate() {
        let class = path("pictures").join(["a b", "ü"][usize::from(*label)]);
        fs::create_dir_all(&class).unwrap();
        picture(number).save(class.join(format!("{number}.png"))).unwrap();
    }
    fs::write(path("pictures/ü/notes.txt"), "no picture").unwrap();
    let pixels: Vec<u8> = expected().into_iter().flat_map(|(levels, _)| levels).collect();
    let labels: Vec<u8> = expected().iter().map(|(_, label)| *label).collect();
    let wide: Vec<u8> = labels.iter().flat_map(|&l| i64::from(l).to_le_bytes()).collect();
    let fractions: Vec<u8> =
        pixels.iter().flat_map(|&p| (f32::from(p) / 255.0).to_le_bytes()).collect();
    let bytes = npz(&[
        ("x", npy::array("|u1", "(12, 2, 3)", &pixels)),
        ("y", npy::array("<i8", "(12,)", &wide)),
    ]);
    fs::write(path("bytes.npz"), bytes).unwrap();
    let bytes = npz(&[
        ("images", npy::array("<f4", "(12, 2, 3, 1)", &fractions)),
        ("labels", npy::array("|u1", "(12, 1)", &labels)),
    ]);
    fs::write(path("fractions.npz"), bytes).unwrap();
    let idx = |sizes: &[u32], content: &[u8]| {
        let mut bytes = (0x0800 + sizes.len() as u32).to_be_bytes().to_vec();
        sizes.iter().for_each(|size| bytes.extend(size.to_be_bytes()));
        bytes.extend(content);
        bytes
    };
    fs::write(path("my-images-idx3-ubyte"), idx(&[12, 2, 3], &pixels)).unwrap();
    fs::write(path("my-labels-idx1-ubyte"), idx(&[12], &labels)).unwrap();
    let mut csv = String::from("p0,p1,p2,label,p3,p4,p5\n");
    for (levels, label) in expected() {
        let mut fields: Vec<String> = levels.iter().map(u8::to_string).collect();
        fields.insert(3, label.to_string());
        csv.push_str(&format!("{}\n", fields.join(",")));
    }
    fs::write(path("pixels.csv"), csv).unwrap();
    for name in ["pictures", "bytes.npz", "fractions.npz", "my-images-idx3-ubyte", "pixels.csv"] {
        let size = |files: &mut ImageFiles| {
            files.size = name.ends_with("csv").then_some([2, 3]);
        };
        let splits = loaded(&path(name), size).unwrap();
        assert_eq!(splits.train.shape(), PixelShape::grey(2, 3), "{name}");
        let sizes = [&splits.train, &splits.valid, &splits.test].map(super::super::Split::len);
        assert_eq!(sizes, [10, 1, 1], "{name}");
        assert_eq!(all(&splits), expected(), "{name}");
        let classes = &splits.known::<OwnImages>().unwrap().classes;
        let names = if name == "pictures" { ["a b", "ü"] } else { ["0", "1"] };
        assert_eq!(classes, &names, "{name}");
        assert!(!splits.files.is_empty(), "{name}");
    }
}

#[test]
fn the_seed_of_the_split_deals_the_images_anew_and_a_changed_picture_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..20 {
        picture(number).save(folder.path().join(format!("{number:02}.png"))).unwrap();
    }
    let splits = |seed| {
        let config = DataConfig { split_seed: Some(seed), ..config(folder.path(), |_| {}) };
        load(IMAGE_SOURCES, &config, &FetchOptions::from_env(None), None).unwrap()
    };
    let test = |splits: &Splits| splits.test.all_grey();
    assert_eq!(test(&splits(1)), test(&splits(1)));
    assert_ne!(test(&splits(1)), test(&splits(2)));
    assert_eq!(all(&splits(1)), all(&splits(2)));
    let before = splits(1).files;
    picture(3).save(folder.path().join("02.png")).unwrap();
    assert_ne!(splits(1).files, before);
}

#[test]
fn pictures_are_turned_flattened_on_white_narrowed_and_cut_around_their_middle() {
    let folder = tempfile::tempdir().unwrap();
    let save = |name: &str, image: &DynamicImage| image.save(folder.path().join(name)).unwrap();
    use image::{DynamicImage, ImageBuffer};
    let alpha = image::GrayAlphaImage::from_fn(3, 2, |x, _| LumaA([100, [0, 255, 0][x as usize]]));
    save("alpha.png", &DynamicImage::ImageLumaA8(alpha));
    let deep = ImageBuffer::<Luma<u16>, _>::from_fn(3, 2, |_, _| Luma([0x8080]));
    save("deep.png", &DynamicImage::ImageLuma16(deep));
    save("grey-rgb.png", &DynamicImage::ImageRgb8(RgbImage::from_pixel(3, 2, Rgb([7, 7, 7]))));
    let wide = GrayImage::from_fn(9, 2, |x, _| Luma([if (3..6).contains(&x) { 50 } else { 255 }]));
    save("wide.png", &DynamicImage::ImageLuma8(wide));
    for number in 0..8 {
        save(&format!("z{number}.png"), &DynamicImage::ImageLuma8(picture(number)));
    }
    let told = loaded(folder.path(), |_| {}).unwrap_err();
    assert!(told.contains("11 of 2 x 3, 1 of 2 x 9") && told.contains("--size 2x3"), "{told}");
    let found = all(&loaded(folder.path(), |files| files.size = Some([2, 3])).unwrap());
    for wanted in [[255, 100, 255, 255, 100, 255], [128; 6], [7; 6], [50; 6]] {
        assert!(found.iter().any(|(levels, _)| levels[..] == wanted), "{wanted:?}: {found:?}");
    }
    // A photograph with a note that it lies on its side: 2 x 3 pixels stand as 3 x 2.
    let mut jpeg = std::io::Cursor::new(Vec::new());
    let image = GrayImage::from_pixel(3, 2, Luma([90]));
    DynamicImage::ImageLuma8(image).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let exif = [
        &b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"[..],
        &[0, 0, 0, 0],
    ]
    .concat();
    let turned = [&jpeg[..2], &exif, &jpeg[2..]].concat();
    let turned_folder = tempfile::tempdir().unwrap();
    for number in 0..10 {
        fs::write(turned_folder.path().join(format!("{number}.jpg")), &turned).unwrap();
    }
    let splits = loaded(turned_folder.path(), |_| {}).unwrap();
    assert_eq!(splits.train.shape(), PixelShape::grey(3, 2));
}

/// A JPEG of 48 x 48 pixels with detail, so that its scan is most of it.
fn jpeg() -> Vec<u8> {
    let image = GrayImage::from_fn(48, 48, |x, y| Luma([(x * x * 7 + y * y * 13 + x * y) as u8]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}

#[test]
fn a_jpeg_that_is_cut_off_is_refused_whatever_lies_within_or_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.jpg");
    let read = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        folder::read_one(&path).map(|mut found| found.images.remove(0).into_levels())
    };
    let whole = jpeg();
    let levels = read(&whole).unwrap();
    // A video behind the picture has markers by accident.
    assert_eq!(read(&[&whole[..], b"\xff\xda\x00\x02 and more"].concat()).unwrap(), levels);
    // A thumbnail in a comment, which has its own end.
    let length = (whole.len() as u16 + 2).to_be_bytes();
    let thumbnail = [&whole[..2], b"\xff\xfe", &length, &whole, &whole[2..]].concat();
    assert_eq!(read(&thumbnail).unwrap(), levels);
    for whole in [&whole, &thumbnail] {
        for end in [whole.len() - jpeg().len() / 2, whole.len() - 2, whole.len() - 1] {
            let told = read(&whole[..end]).unwrap_err();
            assert!(told.starts_with("cut off"), "{end}: {told}");
        }
    }
    for number in 0..12 {
        fs::write(folder.path().join(format!("{number}.jpg")), &whole).unwrap();
    }
    let told = loaded(folder.path(), |_| {}).unwrap_err();
    assert!(told.contains("x.jpg: cut off") && !told.contains("11.jpg"), "{told}");
}

/// Twelve pictures of 4 x 4, red at their left and blue at their right.
fn coloured(number: u8) -> RgbImage {
    RgbImage::from_fn(4, 4, |x, _| Rgb([200 - 50 * x as u8, number, 50 * x as u8]))
}

#[test]
fn colour_is_kept_the_same_from_every_source_and_grey_if_it_shall_be() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    fs::create_dir(path("folder")).unwrap();
    let mut csv = String::new();
    for number in 0..12 {
        let image = coloured(number);
        image.save(path("folder").join(format!("{number}.png"))).unwrap();
        let fields: Vec<String> = image.into_raw().iter().map(u8::to_string).collect();
        csv.push_str(&format!("{}\n", fields.join(",")));
    }
    let pixels: Vec<u8> = (0..12).flat_map(|number| coloured(number).into_raw()).collect();
    fs::write(path("c.npz"), npz(&[("x", npy::array("|u1", "(12, 4, 4, 3)", &pixels))])).unwrap();
    // Pandas numbers columns that have no names from 0, others from 1, and a class may stand before or after.
    for (name, first) in [("pandas.csv", 0), ("from-1.csv", 1)] {
        let numbers: Vec<String> = (first..first + 48).map(|column| column.to_string()).collect();
        let numbers = numbers.join(",");
        fs::write(path(name), format!("{numbers}\n{csv}")).unwrap();
        let [before, after]: [String; 2] = [
            csv.lines().map(|row| format!("red,{row}\n")).collect(),
            csv.lines().map(|row| format!("{row},red\n")).collect(),
        ];
        fs::write(path(&format!("before-{name}")), format!("label,{numbers}\n{before}")).unwrap();
        fs::write(path(&format!("after-{name}")), format!("{numbers},label\n{after}")).unwrap();
    }
    fs::write(path("c.csv"), csv).unwrap();
    let expected: Vec<(Vec<u8>, u8)> = (0..12).map(|n| (coloured(n).into_raw(), 0)).collect();
    let beside = ["before-pandas.csv", "after-pandas.csv", "before-from-1.csv", "after-from-1.csv"];
    for name in ["folder", "c.npz", "c.csv", "pandas.csv", "from-1.csv"].into_iter().chain(beside) {
        let splits = loaded(&path(name), |_| {}).unwrap();
        let shape = PixelShape { height: 4, width: 4, channels: 3 };
        assert_eq!(splits.train.shape(), shape, "{name}");
        let mut found = all(&splits);
        found.sort_by_key(|(levels, _)| levels[1]);
        assert_eq!(found, expected, "{name}");
        let grey = loaded(&path(name), |files| files.grey = true).unwrap();
        assert_eq!(grey.train.shape(), PixelShape::grey(4, 4), "{name}");
    }
    // A grey picture among coloured ones, and a half transparent one on white.
    picture(1).save(path("folder").join("grey.png")).unwrap();
    let half = image::RgbaImage::from_pixel(4, 4, image::Rgba([255, 0, 0, 0]));
    half.save(path("folder").join("half.png")).unwrap();
    let splits = loaded(&path("folder"), |files| files.size = Some([2, 2])).unwrap();
    assert_eq!(splits.train.shape(), PixelShape { height: 2, width: 2, channels: 3 });
    let found = all(&splits);
    assert!(found.iter().any(|(levels, _)| levels == &[255; 12]), "{found:?}");
    let is_grey = |levels: &[u8]| levels.chunks(3).all(|c| c[0] == c[1] && c[1] == c[2]);
    assert_eq!(found.iter().filter(|(levels, _)| is_grey(levels)).count(), 2, "{found:?}");
}

/// Each kind of bad input: what is said names what is wrong and what helps.
#[test]
fn bad_input_gets_one_clear_line() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name);
    let told = |name: &str, words: &[&str]| {
        let told = loaded(&at(name), |_| {}).unwrap_err();
        for word in words {
            assert!(told.contains(word), "{name}: '{word}' is not in: {told}");
        }
    };
    let folder = |name: &str, count: usize| {
        fs::create_dir_all(at(name)).unwrap();
        for number in 0..count {
            picture(number).save(at(name).join(format!("{number}.png"))).unwrap();
        }
    };
    told("nowhere", &["no such file or folder"]);
    folder("empty", 0);
    told("empty", &["no PNG or JPEG file"]);
    folder("one", 1);
    told("one", &["1 image:", "at least 10"]);
    folder("text", 11);
    fs::write(at("text/x.png"), "no picture at all").unwrap();
    fs::write(at("text/y.jpg"), &fs::read(at("text/3.png")).unwrap()[..40]).unwrap();
    told("text", &["x.png: ", "y.jpg: "]);
    folder("long", 11);
    GrayImage::new(5000, 1).save(at("long/huge.png")).unwrap();
    told("long", &["huge.png", "at most 4096"]);
    folder("both/a", 5);
    folder("both", 5);
    told("both", &["5 pictures beside subfolders"]);
    folder("deep/a/b", 11);
    told("deep", &["a folder in a folder"]);
    folder("kinds/a", 11);
    folder("kinds/b", 0);
    fs::write(at("kinds/b/x.webp"), "a picture of another kind").unwrap();
    told("kinds", &["b: a class without a PNG or JPEG"]);
    picture(1).save(at("single.png")).unwrap();
    told("single.png", &["name the folder"]);
    fs::write(at("notes.txt"), "text").unwrap();
    told("notes.txt", &["neither a folder of PNG"]);

    let ok = npy::array("|u1", "(12, 2, 3)", &[9; 72]);
    let archive = |name: &str, members: &[(&str, Vec<u8>)]| {
        fs::write(at(name), npz(members)).unwrap();
    };
    let floats = |value: f32| [value.to_le_bytes(); 72].concat();
    archive("no-x.npz", &[("z", ok.clone())]);
    told("no-x.npz", &["no array x", "it has z"]);
    archive("flat.npz", &[("x", npy::array("|u1", "(72,)", &[9; 72]))]);
    told("flat.npz", &["shape [72]"]);
    archive("two.npz", &[("x", npy::array("|u1", "(12, 1, 3, 2)", &[9; 72]))]);
    told("two.npz", &["2 channels"]);
    archive("nan.npz", &[("x", npy::array("<f4", "(12, 2, 3)", &floats(f32::NAN)))]);
    told("nan.npz", &["NaN at place 0"]);
    archive("negative.npz", &[("x", npy::array("<f4", "(12, 2, 3)", &floats(-0.5)))]);
    told("negative.npz", &["-0.5", "0 to 1, or 0 to 255"]);
    let hardly = [floats(0.5), 1.000_000_2f32.to_le_bytes().to_vec()].concat()[4..].to_vec();
    archive("hardly.npz", &[("x", npy::array("<f4", "(12, 2, 3)", &hardly))]);
    told("hardly.npz", &["1.0000002", "largest pixel", "0 to 1, or 0 to 255"]);
    archive("ragged.npz", &[("x", npy::array("|O", "(12,)", &[9; 72]))]);
    told("ragged.npz", &["array of objects"]);
    archive("short.npz", &[("x", npy::array("|u1", "(12, 2, 3)", &[9; 71]))]);
    told("short.npz", &["72 bytes"]);
    archive("huge.npz", &[("x", npy::array("|u1", "(99999999999, 4096, 4096)", &[9; 71]))]);
    told("huge.npz", &["at most"]);
    let texts = npy::array("<U3", "(12,)", &[0; 144]);
    archive("texts.npz", &[("x", ok.clone()), ("y", texts)]);
    told("texts.npz", &["array of texts", "classes"]);
    archive("fewer.npz", &[("x", ok.clone()), ("y", npy::array("|u1", "(11,)", &[0; 11]))]);
    told("fewer.npz", &["there are 12 images"]);
    archive("square.npz", &[("x", ok.clone()), ("y", npy::array("|u1", "(6, 2)", &[0; 12]))]);
    told("square.npz", &["shape [6, 2]", "there are 12 images"]);
    let y = npy::array("|u1", "(12,)", &[0; 12]);
    let mut lost = npz(&[("x", ok.clone()), ("y", y)]);
    let end = lost.windows(4).rposition(|bytes| bytes == b"PK\x05\x06").unwrap();
    // The number of arrays.
    lost[end + 8] = 1;
    fs::write(at("lost.npz"), lost).unwrap();
    told("lost.npz", &["lists 2 arrays, and 1 can be read"]);
    fs::write(at("torn.npz"), &npz(&[("x", ok)])[..60]).unwrap();
    told("torn.npz", &["no whole npz archive"]);

    fs::write(at("empty.csv"), "\n").unwrap();
    told("empty.csv", &["no row"]);
    // Each row opens a quote, so that every second would be a part of the class above it.
    let quoted = (0..12).map(|n| format!("\"a{n},1,2,3,4\n")).collect::<String>();
    fs::write(at("quoted.csv"), format!("label,p0,p1,p2,p3\n{quoted}")).unwrap();
    told("quoted.csv", &["line 2", "quote"]);
    fs::write(at("odd.csv"), "1,2,3,4,5\n".repeat(12)).unwrap();
    told("odd.csv", &["5 numbers are no squares", "--size", "data.images.label"]);
    fs::write(at("word.csv"), format!("{}1,2,3,x\n", "1,2,3,4\n".repeat(11))).unwrap();
    told("word.csv", &["line 12, pixel 3: 'x'"]);
    fs::write(at("hardly.csv"), format!("{}1,0.5,0.5,1.5\n", "0,0.2,0.3,0.4\n".repeat(11)))
        .unwrap();
    told("hardly.csv", &["1.5 as its largest pixel"]);
    fs::write(at("ragged.csv"), format!("{}1,2\n", "1,2,3,4\n".repeat(11))).unwrap();
    told("ragged.csv", &["line 12: 2 fields"]);
    let missing = loaded(&at("word.csv"), |files| files.label = Some("kind".into())).unwrap_err();
    assert!(missing.contains("no such column"), "{missing}");
    for (number, size) in [(1, "[8]"), (3, "[8, 8, 8]")] {
        let text = format!("path = \"x\"\nsize = {size}");
        let refused = toml::from_str::<ImageFiles>(&text).unwrap_err().to_string();
        assert!(refused.contains(&format!("{number} numbers, and height and width")), "{refused}");
    }
    let header = [0u8, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 3];
    fs::write(at("cut-images-idx3-ubyte"), [&header[..], &[9; 71]].concat()).unwrap();
    let cut = loaded(&at("cut-images-idx3-ubyte"), |_| {}).unwrap_err();
    assert!(
        cut.ends_with("its header promises 12 x 2 x 3 bytes, and 71 follow: cut off or damaged"),
        "{cut}"
    );
    fs::write(at("x-images-idx3-ubyte.gz"), [0x1f, 0x8b]).unwrap();
    told("x-images-idx3-ubyte.gz", &["packed", "gunzip"]);
    let size = loaded(&at("one"), |files| files.size = Some([0, 5])).unwrap_err();
    assert!(size.contains("images.size"), "{size}");
    // A class that is a word makes no header of the first row.
    let words: String = (0..12).map(|i| format!("{},1,2,3,4\n", ["cat", "dog"][i % 2])).collect();
    fs::write(at("words.csv"), words).unwrap();
    let read = loaded(&at("words.csv"), |files| files.label = Some("0".into())).unwrap();
    let splits = [&read.train, &read.valid, &read.test].map(crate::Split::len);
    assert_eq!((splits.iter().sum::<usize>(), read.has_classes()), (12, true));
    let many: String = (0..300).map(|label| format!("{label},1,2,3,4\n")).collect();
    fs::write(at("many.csv"), format!("label,a,b,c,d\n{many}")).unwrap();
    told("many.csv", &["300 classes", "at most 256"]);
}

#[test]
fn known_factors_lead_to_their_image_and_tables_without_every_combination_are_left_out() {
    let work = tempfile::tempdir().unwrap();
    let path = work.path().join("factors.npz");
    // Twelve images in another order than that of the grid: a constant, 3 and 4 values.
    let order: Vec<u8> = (0..12).map(|image| (image * 5 + 3) % 12).collect();
    let written = |rows: &[[u8; 3]]| {
        let pixels: Vec<u8> = rows.iter().flat_map(|&[_, a, b]| [20 * a + b; 6]).collect();
        let table = npy::array("|u1", &format!("({}, 3)", rows.len()), rows.as_flattened());
        let x = npy::array("|u1", &format!("({}, 2, 3)", rows.len()), &pixels);
        fs::write(&path, npz(&[("imgs", x), ("latents_classes", table)])).unwrap();
        loaded(&path, |_| {})
    };
    let mut rows: Vec<[u8; 3]> = order.iter().map(|place| [0, place / 4, place % 4]).collect();
    let splits = written(&rows).unwrap();
    let factors = splits.factors.as_ref().unwrap();
    assert_eq!((factors.sizes(), factors.images()), (vec![3, 4], 12));
    // By their columns in the file, the constant one among them.
    assert_eq!(factors.names(), ["factor 1", "factor 2"]);
    for place in 0..12 {
        let mut image = [0f32; 6];
        factors.write_image(place, &mut image);
        let level = 20 * (place / 4) + place % 4;
        assert_eq!(image.map(|v| (v * 255.0).round() as usize), [level; 6], "place {place}");
    }
    // The first factor that varies is the class.
    assert!(all(&splits).iter().all(|(levels, class)| levels[0] / 20 == *class));
    rows[3] = rows[4];
    assert!(written(&rows).unwrap().factors.is_none());
    rows.pop();
    assert!(written(&rows).unwrap().factors.is_none());
}

#[test]
fn arrays_of_other_names_are_passed_over_aloud_and_damaged_names_are_such() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let x = npy::array("|u1", "(12, 2, 3)", &[9; 72]);
    let classes = npy::array("|u1", "(12,)", &[1, 2, 3].repeat(4));
    let read = |bytes: Vec<u8>| {
        fs::write(&path, bytes).unwrap();
        let (found, passed_over) = archive::read_and_passed_over(&path).unwrap();
        (found.classes, passed_over)
    };
    let whole = npz(&[("x", x.clone()), ("y", classes.clone())]);
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(read(whole.clone()), (names(&["1", "2", "3"]), names(&[])));
    let mut damaged = whole;
    let name = damaged.windows(5).rposition(|bytes| bytes == b"y.npy").unwrap();
    damaged[name] ^= 8;
    assert_eq!(read(damaged), (names(&[ONE_CLASS]), names(&["q"])));
    let more = npz(&[("images", x.clone()), ("x", x), ("y", classes.clone()), ("z", classes)]);
    assert_eq!(read(more), (names(&["1", "2", "3"]), names(&["images", "z"])));
}

#[test]
fn another_table_of_factors_is_another_identity() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("factors.npz");
    let identity = |splits: &Splits| crate::Identity::of(splits, &Preparation::of(splits));
    let written = |factors: [fn(u8) -> u8; 2]| {
        let pixels: Vec<u8> = (0..12).flat_map(|number| picture(number).into_raw()).collect();
        let table: Vec<u8> =
            (0..12).flat_map(|image| factors.map(|factor| factor(image))).collect();
        let arrays = [
            ("x", npy::array("|u1", "(12, 2, 3)", &pixels)),
            ("y", npy::array("|u1", "(12,)", &[0; 12])),
            ("latents_classes", npy::array("|u1", "(12, 2)", &table)),
        ];
        fs::write(&path, npz(&arrays)).unwrap();
        loaded(&path, |_| {}).unwrap()
    };
    let whole = written([|image| image / 4, |image| image % 4]);
    let own = identity(&whole);
    assert!(own.same_contents(&identity(&written([|image| image / 4, |image| image % 4]))));
    for other in [
        // Two values change their names, and the factors their places.
        written([|image| 2 - image / 4, |image| image % 4]),
        written([|image| image % 4, |image| image / 4]),
        written([|image| image / 6, |image| image % 6]),
    ] {
        let found = identity(&other);
        assert!(!own.same_contents(&found) && own.train == found.train, "{found:?}");
    }
    let without = identity(&Splits { factors: None, ..whole.clone() });
    // As earlier versions noted it, which is not held against them.
    assert!(own.factors.is_some() && without.factors.is_none() && own.same_contents(&without));
    assert!(!serde_json::to_string(&without).unwrap().contains("\"factors\":"));
    // Places of dsprites are in the checksums of its splits.
    crate::Sprites::drawn(false).feed(&mut |_| panic!("fed"));
}

#[test]
fn classes_of_numbers_and_words_have_one_order_and_each_its_number() {
    let names =
        "9 9 1b 2 1a 2b 1b 100 3 9 2b 1a 1a 11 20 3 1a 100 3 1a 2 3 1a 9 1a 11 2b 100 3 9 10 1.0 1";
    let names: Vec<String> = names.split(' ').map(String::from).collect();
    let (labels, classes) = numbered(&names).unwrap();
    assert_eq!(classes, ["1", "1.0", "2", "3", "9", "10", "11", "20", "100", "1a", "1b", "2b"]);
    assert!(labels.iter().zip(&names).all(|(&label, name)| classes[usize::from(label)] == *name));
    let twice = ["1.0", "1"].repeat(30).into_iter().map(String::from).collect::<Vec<_>>();
    assert_eq!(numbered(&twice).unwrap().1, ["1", "1.0"]);
    assert!(numbered(&["a".into(), String::new()]).unwrap_err().contains("image 1"));
}

#[test]
fn copies_in_several_splits_are_said_and_splits_are_no_classes() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: String| work.path().join(name);
    for number in 0..40 {
        // Twenty pictures, each twice.
        picture(number % 20).save(path(format!("{number}.png"))).unwrap();
    }
    let said = repeated(&loaded(work.path(), |_| {}).unwrap()).unwrap();
    assert!(said.contains("of 4 validation and") && said.contains("of 4 test images"), "{said}");
    (20..40).for_each(|number| fs::remove_file(path(format!("{number}.png"))).unwrap());
    assert_eq!(repeated(&loaded(work.path(), |_| {}).unwrap()), None);

    let shared_out = tempfile::tempdir().unwrap();
    for (folder, number) in ["train", "Validation"].into_iter().cycle().zip(0..20) {
        let folder = shared_out.path().join(folder);
        fs::create_dir_all(&folder).unwrap();
        picture(number).save(folder.join(format!("{number}.png"))).unwrap();
    }
    let said = loaded(shared_out.path(), |_| {}).unwrap_err();
    assert!(said.contains("train and Validation would be two classes"), "{said}");
}

#[test]
fn a_column_of_labels_is_refused_where_there_are_no_columns() {
    let work = tempfile::tempdir().unwrap();
    let with_label = |files: &mut ImageFiles| files.label = Some("kind".into());
    (0..12).for_each(|number| {
        picture(number).save(work.path().join(format!("{number}.png"))).unwrap()
    });
    let said = loaded(work.path(), with_label).unwrap_err();
    assert!(said.contains("data.images.label = \"kind\""), "{said}");
    let levels: Vec<u8> = (0..12).flat_map(|number| picture(number).into_raw()).collect();
    let archive = work.path().join("a.npz");
    fs::write(&archive, npz(&[("x", npy::array("|u1", "(12, 2, 3)", &levels))])).unwrap();
    loaded(&archive, |_| {}).unwrap();
    assert!(loaded(&archive, with_label).unwrap_err().contains("names a column of a CSV file"));
}

/// Shape of images, their levels, and the class of each by its name.
type Asked = (PixelShape, Vec<Vec<u8>>, Vec<String>);

/// What a model of these images reads at `path`.
fn asked(of: &Splits, path: &Path, label: Option<&str>) -> Result<Asked, String> {
    let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
    let config = config(path, |files| files.label = label.map(str::to_owned));
    let splits =
        Own.read_for(&config, &options, &Preparation::of(of)).map_err(|e| e.to_string())?;
    let names = ClassNames::of_data(&splits);
    let test = &splits.test;
    let levels = (0..test.len()).map(|image| test.levels(image).unwrap().to_vec()).collect();
    let classes = test.labels().into_iter().map(|label| names.name(label)).collect();
    Ok((test.shape(), levels, classes))
}

#[test]
fn a_table_is_read_in_the_shape_of_the_model_and_need_not_have_its_classes() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name);
    let image = |number: usize, numbers: usize| -> Vec<u8> {
        (0..numbers).map(|place| ((7 * place + 9 * number) % 200) as u8).collect()
    };
    let row = |number: usize, numbers: usize| {
        image(number, numbers).iter().map(u8::to_string).collect::<Vec<_>>().join(",")
    };
    let none = vec![ONE_CLASS.to_owned(); 12];
    let both: Vec<String> = (0..12).map(|number| ["cat", "dog"][number % 2].to_owned()).collect();
    for shape in [[32, 8, 1], [8, 6, 3], [12, 10, 1]] {
        let [height, width, channels] = shape;
        let numbers = height * width * channels;
        let model = loaded_archive(&at("model.npz"), shape, |number| image(number, numbers));
        let levels: Vec<Vec<u8>> = (0..12).map(|number| image(number, numbers)).collect();
        let rows = |class: bool| -> String {
            let class = |number: usize| if class { both[number].clone() + "," } else { "".into() };
            (0..12).map(|number| class(number) + &row(number, numbers) + "\n").collect()
        };
        let header = |first: &str, name: &str| {
            let names: Vec<String> = (0..numbers).map(|place| format!("{name}{place}")).collect();
            first.to_owned() + &names.join(",") + "\n"
        };
        for (table, label, classes) in [
            (rows(false), None, &none),
            (rows(true), Some("0"), &both),
            (header("kind,", "p") + &rows(true), Some("kind"), &both),
            (header("class,", "p") + &rows(true), Some("kind"), &both),
            // Tables of new images, without the class that the model's had.
            (header("", "p") + &rows(false), Some("kind"), &none),
            (rows(false), Some("kind"), &none),
            (rows(false), Some("0"), &none),
            (header("", "") + &rows(false), Some("0"), &none),
        ] {
            fs::write(at("new.csv"), table).unwrap();
            let (found, read, named) = asked(&model, &at("new.csv"), label).unwrap();
            assert_eq!(found, PixelShape { height, width, channels }, "{label:?}");
            assert!(read == levels && named == *classes, "{shape:?} {label:?}: {named:?}");
        }
    }
    let model = loaded_archive(&at("model.npz"), [12, 10, 1], |number| image(number, 120));
    // Of a grey model, colour becomes grey, and the other way round; squares are scaled as pictures are.
    let table = |numbers: usize| {
        let rows: String = (0..12).map(|number| row(number, numbers) + "\n").collect();
        fs::write(at("new.csv"), rows).unwrap();
    };
    for numbers in [360, 16] {
        table(numbers);
        assert_eq!(asked(&model, &at("new.csv"), None).unwrap().0, PixelShape::grey(12, 10));
    }
    let coloured = loaded_archive(&at("model.npz"), [8, 6, 3], |number| image(number, 144));
    table(48);
    let grey = image(1, 48).into_iter().flat_map(|level| [level; 3]).collect::<Vec<u8>>();
    assert_eq!(asked(&coloured, &at("new.csv"), None).unwrap().1[1], grey);
    table(5);
    let told = asked(&model, &at("new.csv"), None).unwrap_err();
    assert!(told.contains("the model, 12 x 10 pixels, have 120, or 360 in colour"), "{told}");
    // In training a column that is named must be there.
    table(16);
    let told = loaded(&at("new.csv"), |files| files.label = Some("kind".into())).unwrap_err();
    assert!(told.contains("no such column"), "{told}");
}

/// Twelve images of this height, width and number of channels, written and read.
fn loaded_archive(path: &Path, shape: [usize; 3], image: impl Fn(usize) -> Vec<u8>) -> Splits {
    let [height, width, channels] = shape;
    let pixels: Vec<u8> = (0..12).flat_map(image).collect();
    let x = npy::array("|u1", &format!("(12, {height}, {width}, {channels})"), &pixels);
    fs::write(path, npz(&[("x", x)])).unwrap();
    let splits = loaded(path, |_| {}).unwrap();
    assert_eq!(splits.train.shape(), PixelShape { height, width, channels });
    splits
}

#[test]
fn what_reading_takes_at_least_is_known_before() {
    let work = tempfile::tempdir().unwrap();
    let at = |name: &str| work.path().join(name);
    for number in 0..12 {
        let class = at("folder").join(["a", "b"][number % 2]);
        fs::create_dir_all(&class).unwrap();
        picture(number).save(class.join(format!("{number}.png"))).unwrap();
    }
    let x = npy::array("|u1", "(12, 2, 3)", &[9; 72]);
    let unpacked = x.len() as u64;
    fs::write(at("a.npz"), npz(&[("x", x)])).unwrap();
    fs::write(at("a.csv"), "1,2,3,4\n".repeat(12)).unwrap();
    fs::write(at("a-idx3-ubyte"), [&[0u8, 0, 8, 3][..], &[9; 84]].concat()).unwrap();
    let options = FetchOptions { offline: true, ..FetchOptions::from_env(None) };
    let least = |name: &str, size: Option<[usize; 2]>, fitted: Option<PixelShape>| {
        Own.least_memory(&config(&at(name), |files| files.size = size), &options, fitted)
    };
    let (what, bytes) = least("folder", None, None).unwrap();
    let expected = "folder: 12 images of 2 x 3 pixels (--size makes them smaller)";
    assert!(what.ends_with(expected), "{what}");
    assert_eq!(bytes, 2 * 12 * 6);
    let (what, bytes) = least("folder", Some([4, 5]), None).unwrap();
    assert!(what.ends_with("folder: 12 images of 4 x 5 pixels"), "{what}");
    assert_eq!(bytes, 2 * 12 * 20);
    let coloured = PixelShape { height: 7, width: 7, channels: 3 };
    assert_eq!(least("folder", Some([4, 5]), Some(coloured)).unwrap().1, 2 * 12 * 147);
    let size = |name: &str| at(name).metadata().unwrap().len();
    assert_eq!(least("a.npz", None, None).unwrap().1, size("a.npz") + 2 * unpacked);
    assert_eq!(least("a.csv", None, None).unwrap().1, 12 * 8 + 12 * 3 * 8);
    assert_eq!(least("a-idx3-ubyte", None, None).unwrap().1, 2 * 88);
    assert_eq!((least("nowhere", None, None), least("folder/a/0.png", None, None)), (None, None));
}
