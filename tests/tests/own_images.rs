//! Data of the user's: every image paper trains on images, and the page's commands work as they stand.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    fs,
    io::{Cursor, Write},
    path::Path,
};

use image::{GrayImage, Luma, Rgb, RgbImage};
use programs::{program, programs, workspace};
use zip::{ZipWriter, write::SimpleFileOptions};

const IMAGES: usize = 90;
/// The tiny trainings take more examples than there are.
const FEWER: &str = "data.train_examples=60";
/// Trainings that are made tiny may binarise.
const GREY_LEVELS: [&str; 2] = ["--set", "data.binarise=none"];
const HEIGHT: u32 = 12;
const WIDTH: u32 = 10;

/// A bar at one of three places, at one of many heights.
fn bar(number: usize) -> GrayImage {
    let (class, top) = (number as u32 % 3, number as u32 / 3 % 6);
    GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        let is_on = x / 3 == class && (top..top + 6).contains(&y);
        Luma([if is_on { 255 - (number % 40) as u8 } else { 0 }])
    })
}

fn pictures(folder: &Path) {
    for number in 0..IMAGES {
        let class = folder.join(["left", "middle", "right"][number % 3]);
        fs::create_dir_all(&class).unwrap();
        bar(number).save(class.join(format!("{number:03}.png"))).unwrap();
    }
}

/// A bar of one of three colours on a dark ground, at one of many heights.
fn coloured_bar(number: usize) -> RgbImage {
    let (class, top) = (number % 3, number as u32 / 3 % 16);
    RgbImage::from_fn(40, 48, |x, y| {
        let is_on = (8..32).contains(&x) && (top..top + 24).contains(&y);
        let mut pixel = [20, 20, (number % 40) as u8];
        if is_on {
            pixel[class] = 230;
        }
        Rgb(pixel)
    })
}

fn photos(folder: &Path) {
    for number in 0..IMAGES {
        let class = folder.join(["red", "green", "blue"][number % 3]);
        fs::create_dir_all(&class).unwrap();
        coloured_bar(number).save(class.join(format!("{number:03}.png"))).unwrap();
    }
}

/// Ninety MIDI files, each a scale of eight quarters from another key.
fn songs(folder: &Path) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..IMAGES {
        let mut track = Vec::new();
        for step in 0..8 {
            let key = 50 + (number % 12) as u8 + 2 * step;
            // Struck at once, released 96 ticks later.
            track.extend([0, 0x90, key, 80, 96, 0x80, key, 0]);
        }
        track.extend([0, 0xff, 0x2f, 0]);
        let header = b"MThd\0\0\0\x06\0\0\0\x01\0\x60MTrk";
        let bytes = [&header[..], &(track.len() as u32).to_be_bytes(), &track].concat();
        fs::write(folder.join(format!("{number:02}.mid")), bytes).unwrap();
    }
}

/// A table of 200 people, of whom more of one group are paid well.
fn people(folder: &Path) {
    let row = |i: usize| {
        let (sex, job) = (["f", "m"][i % 2], ["clerk", "nurse", "smith"][i / 2 % 3]);
        let pay = ["low", "high"][usize::from((i / 6).is_multiple_of(3 - i % 2))];
        format!("{},{sex},{job},{pay}\n", 20 + i * 7 % 45)
    };
    let rows: String = (0..200).map(row).collect();
    fs::write(folder.join("people.csv"), format!("age,sex,job,income\n{rows}")).unwrap();
}

/// An array as numpy writes it.
fn npy(descr: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), content].concat()
}

/// The same images in the other forms that the page names, and a text.
fn files(folder: &Path) {
    let pixels: Vec<u8> = (0..IMAGES).flat_map(|number| bar(number).into_raw()).collect();
    let labels: Vec<u8> = (0..IMAGES).map(|number| (number % 3) as u8).collect();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let x = npy("|u1", &format!("({IMAGES}, {HEIGHT}, {WIDTH})"), &pixels);
    let y = npy("|u1", &format!("({IMAGES},)"), &labels);
    for (name, bytes) in [("x.npy", x), ("y.npy", y)] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    fs::write(folder.join("images.npz"), archive.finish().unwrap().into_inner()).unwrap();
    let idx = |sizes: &[u32], content: &[u8]| {
        let magic = (0x0800 + sizes.len() as u32).to_be_bytes();
        let sizes = sizes.iter().flat_map(|size| size.to_be_bytes());
        magic.into_iter().chain(sizes).chain(content.iter().copied()).collect::<Vec<u8>>()
    };
    let images = idx(&[IMAGES as u32, HEIGHT, WIDTH], &pixels);
    fs::write(folder.join("my-images-idx3-ubyte"), images).unwrap();
    fs::write(folder.join("my-labels-idx1-ubyte"), idx(&[IMAGES as u32], &labels)).unwrap();
    let mut table = String::from("label");
    (0..WIDTH * HEIGHT).for_each(|pixel| table.push_str(&format!(",p{pixel}")));
    for (pixels, label) in pixels.chunks((WIDTH * HEIGHT) as usize).zip(&labels) {
        table.push_str(&format!("\n{label}"));
        pixels.iter().for_each(|pixel| table.push_str(&format!(",{pixel}")));
    }
    fs::write(folder.join("pixels.csv"), table).unwrap();
    let poem = ["so much depends", "upon", "a red wheel", "barrow"].join("\n") + "\n";
    fs::write(folder.join("poems.txt"), poem.repeat(25)).unwrap();
}

#[test]
fn every_image_paper_trains_on_a_folder_of_pictures_and_answers_about_it() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("my pictures");
    pictures(&folder);
    let data = folder.to_str().unwrap();
    for program in programs() {
        if program.name == "fair-repr" {
            program.train(work.path(), &["--data", data]).failure(1, "no data of tables");
            continue;
        }
        program.train(work.path(), &["--data", data, "--set", FEWER]).success();
        let run = work.path().join("runs").join(&program.name).join("quick");
        let kept = fs::read_to_string(run.join("data.json")).unwrap();
        assert!(kept.contains("\"middle\"") && kept.contains("my pictures/"), "{kept}");
        let pictures = ["reconstruct", "sample", "latent-map"].map(String::from);
        for command in pictures.iter().filter(|command| !program.cannot.contains(command)) {
            program.on_run(command, &run, &[]).success();
        }
    }
    // Another picture, and the run does not take it for its own.
    let run = work.path().join("runs/vae/quick");
    let again = |extra: &[&str]| program("vae").on_run("evaluate", &run, extra);
    again(&[]).success();
    bar(5).save(folder.join("left/000.png")).unwrap();
    again(&[]).failure(1, "was fitted to other data");
    again(&["--other-data"]).success();
}

#[test]
fn every_image_paper_trains_in_colour_and_draws_in_colour() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("photos");
    photos(&folder);
    let data = ["--data", folder.to_str().unwrap(), "--set", FEWER];
    program("vae").train(work.path(), &data).failure(1, "--config colour");
    program("vae-rnn").train(work.path(), &data).failure(1, "--grey");
    let by_class = ["--set", "conditioning.classes=3"];
    // What makes other trainings tiny takes the convolutions away and binarises.
    let convolutional = [
        &GREY_LEVELS[..],
        &["--set", "model.network=convolutional", "--set", "model.channels=[4,4,4]"],
    ]
    .concat();
    let cases: [(&str, &str, &[&str]); 5] = [
        ("pca", "quick", &[]),
        ("denoising-ae", "quick", &[]),
        ("vae", "colour", &[]),
        ("cvae", "colour", &by_class),
        ("beta-vae", "colour", &convolutional),
    ];
    for (name, preset, extra) in cases {
        let program = program(name);
        let options = [&data[..], &["--config", preset], extra].concat();
        program.train(work.path(), &options).success();
        let run = work.path().join("runs").join(name).join(preset);
        let record = fs::read_to_string(run.join("record.json")).unwrap();
        assert_eq!(record.contains("\"bits_per_dimension\""), preset == "colour", "{name}");
        for command in ["reconstruct", "encode", "score", "sample", "traverse"].map(String::from) {
            if !program.cannot.contains(&command) {
                program.on_run(&command, &run, &[]).success();
            }
        }
        let picture = image::open(run.join("reconstructions.png")).unwrap().into_rgb8();
        let colours = picture.pixels().filter(|pixel| pixel.0[0] > 150 && pixel.0[2] < 100).count();
        assert!(colours > 100, "{name}: {colours} red pixels");
    }
}

#[test]
fn images_without_classes_have_no_probes_and_that_is_said() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("flat");
    fs::create_dir(&folder).unwrap();
    for number in 0..IMAGES {
        bar(number).save(folder.join(format!("{number}.png"))).unwrap();
    }
    let called = program("vae")
        .train(
            work.path(),
            &["--data", folder.to_str().unwrap(), "--set", FEWER, "--set", "evaluate.samples={}"],
        )
        .success();
    assert!(called.err().contains("one class"), "{}", called.err());
    let record = fs::read_to_string(work.path().join("runs/vae/quick/record.json")).unwrap();
    assert!(record.contains("\"nll\"") && !record.contains("probe_linear"), "{record}");
    // There is nothing to classify, or to be conditional on.
    let flat = ["--data", folder.to_str().unwrap(), "--set", FEWER];
    for paper in ["denoising-ae", "cvae", "few-labels"] {
        program(paper).train(work.path(), &flat).failure(1, "images are all of one class");
        assert!(!work.path().join("runs").join(paper).exists());
    }
    let out = work.path().join("runs");
    let layers = ["train", "--config", "filters", "--epochs", "1", "--out", out.to_str().unwrap()];
    program("denoising-ae").call(&[&layers[..], &flat].concat()).success();
}

#[test]
fn options_of_own_images_without_them_and_sets_that_are_none_are_refused() {
    let work = tempfile::tempdir().unwrap();
    let train = |extra: &[&str]| program("vae").train(work.path(), extra);
    train(&["--data", "mnits"]).failure(2, "possible values: mnist");
    train(&["--data", "./nowhere"]).failure(1, "no such file or folder");
    train(&["--size", "28"]).failure(1, "--size 28x28 is for images of your own");
    train(&["--grey"]).failure(1, "--grey is for images of your own");
    train(&["--data", "./x", "--size", "0"]).failure(2, "height and width in pixels");
    assert!(!work.path().join("runs").exists());
}

/// Saves the schema that the program guesses.
fn save_guess(folder: &Path) {
    let table = folder.join("people.csv");
    let called = program("fair-repr").train(folder, &["--data", table.to_str().unwrap()]);
    let told = called.failure(1, "a guess: correct it, save it there and call again");
    let schema = told.out();
    assert!(schema.starts_with("header = true") && schema.contains("sensitive"), "{schema}");
    assert!(!folder.join("runs").exists());
    fs::write(folder.join("people.toml"), schema).unwrap();
}

#[test]
fn a_schema_is_guessed_saved_and_trained_with() {
    let work = tempfile::tempdir().unwrap();
    people(work.path());
    let table = work.path().join("people.csv");
    let rows = fs::read_to_string(&table).unwrap();
    fs::write(&table, format!("{rows}?,f,nurse,high\n")).unwrap();
    save_guess(work.path());
    let options = ["--data", table.to_str().unwrap()];
    let said = program("fair-repr").train(work.path(), &options).success().err();
    assert!(said.contains("1 of 201 rows are left out, because a value is missing"), "{said}");
    let record = fs::read_to_string(work.path().join("runs/fair-repr/quick/record.json")).unwrap();
    assert!(record.contains("people.toml") && record.contains("people.csv"), "{record}");
}

#[test]
fn every_command_of_the_page_works_as_it_stands() {
    let work = tempfile::tempdir().unwrap();
    pictures(&work.path().join("my-pictures"));
    pictures(&work.path().join("new-pictures"));
    photos(&work.path().join("my-photos"));
    songs(&work.path().join("my-songs"));
    people(work.path());
    save_guess(work.path());
    files(work.path());
    let page = fs::read_to_string(workspace().join("docs/your-own-data.md")).unwrap();
    // Those of series have a test of their own, own_series.rs, with files of theirs.
    let (before, rest) = page.split_once("\n### Numeric series\n").unwrap();
    let (_, after) = rest.split_once("\n## ").unwrap();
    let commands: Vec<Vec<&str>> = [before, after]
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix("cargo run --release -p "))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(commands.len() >= 5, "{commands:?}");
    for command in commands {
        let [name, "--", verb, options @ ..] = command.as_slice() else {
            panic!("{command:?} is no call of a program");
        };
        let program = program(name);
        let levels = if options.contains(&"colour") { &GREY_LEVELS[..] } else { &[] };
        let fewer = [options, &["--set", FEWER], levels].concat();
        let arguments = match *verb {
            "train" => program.training(work.path(), &fewer),
            verb => [&[verb], options].concat().into_iter().map(String::from).collect(),
        };
        let mut called = program.command(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let output = called.current_dir(work.path()).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}: {told}");
    }
}

#[test]
fn disentanglement_is_measured_where_every_combination_of_factors_has_an_image() {
    let work = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..IMAGES).flat_map(|number| bar(number).into_raw()).collect();
    // What `bar` makes of a number: a place, a height, a brightness.
    let factors: Vec<u8> = (0..IMAGES as u8).flat_map(|n| [n % 3, n / 3 % 6, n / 18]).collect();
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let x = npy("|u1", &format!("({IMAGES}, {HEIGHT}, {WIDTH})"), &pixels);
    let table = npy("|u1", &format!("({IMAGES}, 3)"), &factors);
    for (name, bytes) in [("x.npy", x), ("latents_classes.npy", table)] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    let path = work.path().join("factors.npz");
    fs::write(&path, archive.finish().unwrap().into_inner()).unwrap();
    let small = "evaluate.disentanglement={train_points=200,test_points=100,repeats=1}";
    let options = ["--data", path.to_str().unwrap(), "--set", FEWER, "--set", small];
    program("beta-vae").train(work.path(), &options).success();
    let record = fs::read(work.path().join("runs/beta-vae/quick/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    for name in ["z_diff_64", "factor_vae_score", "mig", "dci_disentanglement", "sap"] {
        let value = record["metrics"][name]["value"].as_f64();
        assert!(value.is_some_and(|value| (0.0..=1.0).contains(&value)), "{name}: {value:?}");
    }
}
