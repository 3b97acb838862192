//! Questions to a trained model about data that are not its run's: `--on`, and `--split all`.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use image::{GrayImage, Luma, RgbImage};
use programs::{Program, program};

/// Pictures in three classes, each another.
fn pictures(folder: &Path) {
    for number in 0..60u32 {
        let class = folder.join(["left", "middle", "right"][number as usize % 3]);
        fs::create_dir_all(&class).unwrap();
        let picture = GrayImage::from_fn(10, 12, |x, y| {
            let is_on = x / 3 == number % 3 && (number / 3 % 6..).contains(&y);
            Luma([if is_on { 255 - number as u8 } else { number as u8 }])
        });
        picture.save(class.join(format!("{number:02}.png"))).unwrap();
    }
}

fn trained(name: &str, work: &Path, data: &Path) -> PathBuf {
    let data = data.to_str().unwrap();
    let fewer = ["--set", "data.train_examples=40"];
    let fewer = if name == "fair-repr" { &[] } else { &fewer[..] };
    let options = &[&["--data", data], fewer].concat();
    program(name).train(work, options).success();
    work.join("runs").join(name).join("quick")
}

/// Columns of a CSV by the name of each row.
fn by_name(path: &Path, columns: std::ops::RangeFrom<usize>) -> BTreeMap<String, Vec<String>> {
    let text = fs::read_to_string(path).unwrap();
    let mut rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = rows.next().unwrap();
    let name = header.iter().position(|column| column == "name" || column == "row").unwrap();
    rows.map(|row| (row[name].clone(), row[columns.clone()].to_vec())).collect()
}

fn encode(vae: &Program, run: &Path, options: &[&str], to: &Path) -> BTreeMap<String, Vec<String>> {
    let options = [options, &["--to", to.to_str().unwrap()]].concat();
    vae.on_run("encode", run, &options).success();
    // From the class on: where an example lies is of the split.
    by_name(to, 3..)
}

#[test]
fn the_same_pictures_have_the_same_codes_wherever_they_come_from() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    pictures(&path("mine"));
    let vae = program("vae");
    let run = trained("vae", work.path(), &path("mine"));
    let own = encode(vae, &run, &[], &path("own.csv"));
    let on = encode(vae, &run, &["--on", path("mine").to_str().unwrap()], &path("on.csv"));
    // 40 of 48 are trained on; other data have all 60.
    assert_eq!((own.len(), on.len()), (52, 60));
    assert!(own.iter().all(|(name, row)| &on[name] == row));
    assert_eq!(on["middle/01.png"][0], "middle");
    // One picture alone; another folder whose classes have other places among those of the run.
    let one = path("mine/middle/01.png");
    let one = encode(vae, &run, &["--on", one.to_str().unwrap()], &path("one.csv"));
    assert_eq!(one["01.png"][1..], on["middle/01.png"][1..]);
    fs::create_dir_all(path("other/right")).unwrap();
    fs::copy(path("mine/right/02.png"), path("other/right/02.png")).unwrap();
    let other = encode(vae, &run, &["--on", path("other").to_str().unwrap()], &path("other.csv"));
    assert_eq!(other["right/02.png"], on["right/02.png"]);
    // Another size and colour are brought to the model's.
    let large = image::open(path("mine/right/02.png")).unwrap().into_luma8();
    let large = RgbImage::from_fn(20, 24, |x, y| [large.get_pixel(x / 2, y / 2).0[0]; 3].into());
    large.save(path("large.png")).unwrap();
    let large = encode(vae, &run, &["--on", path("large.png").to_str().unwrap()], &path("l.csv"));
    assert_eq!(large["large.png"].len(), on["right/02.png"].len());
}

#[test]
fn a_table_of_pixels_is_read_in_the_models_shape_and_needs_no_classes() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let named = |name: &str| path(name).to_str().unwrap().to_owned();
    pictures(&path("mine"));
    let vae = program("vae");
    let run = trained("vae", work.path(), &path("mine"));
    let on = encode(vae, &run, &["--on", &named("mine")], &path("on.csv"));
    let picture =
        |number: usize| format!("{}/{number:02}.png", ["left", "middle", "right"][number % 3]);
    // 120 numbers are no square: nothing but the model says that they are 12 x 10.
    let row = |number: usize| {
        let levels = image::open(path("mine").join(picture(number))).unwrap().into_luma8();
        let levels: Vec<String> = levels.into_raw().iter().map(u8::to_string).collect();
        levels.join(",") + "\n"
    };
    fs::write(path("plain.csv"), (0..60).map(row).collect::<String>()).unwrap();
    let table = encode(vae, &run, &["--on", &named("plain.csv")], &path("table.csv"));
    assert_eq!(table.len(), 60);
    for number in 0..60 {
        let (found, known) = (&table[&number.to_string()], &on[&picture(number)]);
        assert_eq!(found[1..], known[1..], "image {number}");
    }
    // What was fitted to a table with classes is asked about the same without.
    let labelled = (0..60).map(|number| format!("{},{}", number % 3, row(number)));
    fs::write(path("labelled.csv"), labelled.collect::<String>()).unwrap();
    let labelled = named("labelled.csv");
    let options = ["--size", "12x10", "--set", "data.images.label=0", "--name", "labelled"];
    let data = ["--data", &*labelled, "--set", "data.train_examples=40"];
    vae.train(work.path(), &[&data[..], &options].concat()).success();
    let run = path("runs/vae/labelled");
    let with = encode(vae, &run, &["--on", &labelled], &path("with.csv"));
    let without = encode(vae, &run, &["--on", &named("plain.csv")], &path("without.csv"));
    for number in 0..60 {
        let (found, known) = (&without[&number.to_string()], &with[&number.to_string()]);
        assert_eq!(found[1..], known[1..], "image {number}");
        assert_eq!((&*found[0], &*known[0]), ("all", &*(number % 3).to_string()));
    }
    for command in ["evaluate", "reconstruct"] {
        vae.on_run(command, &run, &["--on", &named("plain.csv")]).success();
    }
}

#[test]
fn the_runs_own_set_by_its_name_is_split_as_the_run_split_it() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    pictures(&path("mine"));
    let vae = program("vae");
    let mine = path("mine");
    let options = ["--data", mine.to_str().unwrap(), "--set", "data.split_seed=7"];
    vae.train(work.path(), &options).success();
    let run = path("runs/vae/quick");
    let own = encode(vae, &run, &["--split", "test"], &path("own.csv"));
    assert_eq!(own, encode(vae, &run, &["--on", "images"], &path("on.csv")));
}

#[test]
fn pictures_of_a_class_that_the_model_was_not_fitted_to_are_no_errors() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    pictures(&path("mine"));
    let run = trained("denoising-ae", work.path(), &path("mine"));
    for (class, number) in [("left", "00"), ("zebra", "02")] {
        fs::create_dir_all(path("other").join(class)).unwrap();
        let from = path("mine").join(["left", "right"][usize::from(class == "zebra")]);
        let name = format!("{number}.png");
        fs::copy(from.join(&name), path("other").join(class).join(&name)).unwrap();
    }
    let on = path("other");
    let options = ["--on", on.to_str().unwrap()];
    program("denoising-ae").on_run("evaluate", &run, &options).success();
    let metrics = |record: &str| -> serde_json::Value {
        serde_json::from_slice(&fs::read(run.join(record)).unwrap()).unwrap()
    };
    assert!(metrics("record.json")["metrics"]["test_error"].is_object());
    let other = metrics("record-other-data.json");
    assert!(other["metrics"]["reconstruction_mse"].is_object());
    assert!(other["metrics"]["test_error"].is_null(), "{other}");
}

#[test]
fn other_data_without_classes_are_no_class_of_a_classifier() {
    let work = tempfile::tempdir().unwrap();
    let mine = work.path().join("mine");
    pictures(&mine);
    let run = trained("denoising-ae", work.path(), &mine);
    for class in ["left", "middle", "right"] {
        for picture in fs::read_dir(mine.join(class)).unwrap() {
            let picture = picture.unwrap();
            fs::rename(picture.path(), mine.join(picture.file_name())).unwrap();
        }
        fs::remove_dir(mine.join(class)).unwrap();
    }
    let evaluate = program("denoising-ae").on_run("evaluate", &run, &["--other-data"]);
    evaluate.failure(1, "--other-data: model.classes = 10: these examples have no classes");
}

#[test]
fn an_evaluation_on_other_data_leaves_the_run_as_it_was() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    pictures(&path("mine"));
    let vae = program("vae");
    let run = trained("vae", work.path(), &path("mine"));
    let file = |name: &str| fs::read_to_string(run.join(name)).unwrap();
    let (record, latents) = (file("record.json"), file("latents.csv"));
    let on = |command: &str, data: &str, extra: &[&str]| {
        let data = path(data);
        vae.on_run(command, &run, &[&["--on", data.to_str().unwrap()], extra].concat())
    };
    on("evaluate", "mine", &[]).success();
    let other: serde_json::Value = serde_json::from_str(&file("record-other-data.json")).unwrap();
    assert_eq!((&other["data"]["test"], &other["data"]["train"]), (&60.into(), &40.into()));
    assert!(other["metrics"]["probe_linear_10"]["value"].is_number(), "{other}");
    assert!(other["data"]["trained_on"].is_object());
    // Classes the model was not fitted to: no probe is asked for them.
    fs::create_dir_all(path("strange/blue")).unwrap();
    fs::copy(path("mine/left/00.png"), path("strange/blue/00.png")).unwrap();
    let called = on("evaluate", "strange", &[]).success();
    assert!(called.err().contains("classes that the model was not fitted to"), "{}", called.err());
    let other = file("record-other-data.json");
    assert!(other.contains("\"nll\"") && !other.contains("probe_linear"), "{other}");
    let own = (record, latents);
    assert_eq!((file("record.json"), file("latents.csv")), own);
    // What can be said of a damaged one, and it may be deleted.
    fs::write(run.join("record-other-data.json"), "{}").unwrap();
    let said = vae.on_run("encode", &run, &[]).success().err();
    let advice = "; evaluate with --on or --other-data, as before, rewrites it, or delete it";
    assert!(said.contains(advice), "{said}");
    fs::remove_file(run.join("record-other-data.json")).unwrap();
    let said = vae.on_run("encode", &run, &[]).success().err();
    assert!(!said.contains("record-other-data.json"), "{said}");
    // A run that does not keep what it was fitted to cannot say so in a record.
    fs::rename(run.join("data.json"), path("data.json")).unwrap();
    on("evaluate", "mine", &[]).failure(1, "has no data.json");
    assert_eq!((file("record.json"), file("latents.csv")), own);
    fs::rename(path("data.json"), run.join("data.json")).unwrap();
    // Each picture says what it is of and has a file of its own.
    for (command, name) in [
        ("reconstruct", "reconstructions-on-mine.png"),
        ("interpolate", "interpolation-on-mine.png"),
        ("latent-map", "latent-map-on-mine.png"),
        ("score", "scores-on-mine.png"),
    ] {
        on(command, "mine", &[]).success();
        assert!(run.join(name).is_file(), "{name}");
    }
    on("traverse", "mine", &["--index", "3"]).success();
    // Without an index the order of the latents is that of the other data.
    let own = fs::read(run.join("traversal.png")).unwrap();
    fs::remove_file(run.join("traversal-on-mine.png")).unwrap();
    on("traverse", "mine", &[]).success();
    assert!(run.join("traversal-on-mine.png").is_file());
    assert!(fs::read(run.join("traversal.png")).unwrap() == own);
    // A folder's name has no ending.
    for folder in ["mine.1", "mine.2"] {
        pictures(&path(folder));
        on("reconstruct", folder, &[]).success();
        assert!(run.join(format!("reconstructions-on-{folder}.png")).is_file(), "{folder}");
    }
    on("reconstruct", "mine", &["--split", "test"]).failure(2, "cannot be used with");
    on("reconstruct", "mine", &["--other-data"]).failure(2, "cannot be used with");
    on("reconstruct", "mine", &["--indices", "60"]).failure(1, "--indices 60: mine has 0 to 59");
    on("reconstruct", "nowhere/", &[]).failure(1, "no such file or folder");
    fs::write(path("text.png"), "no picture").unwrap();
    on("reconstruct", "text.png", &[]).failure(1, "no PNG or JPEG");
    fs::create_dir(path("empty")).unwrap();
    on("evaluate", "empty", &[]).failure(1, "no PNG or JPEG file in it");
    // A model that is told the class has to be told it.
    let run = trained_cvae(work.path());
    let strange = path("strange");
    let options = ["--on", strange.to_str().unwrap()];
    program("cvae").on_run("reconstruct", &run, &options).failure(1, "class 'blue'");
    // One that finds it takes the likeliest, but has no likelihood of it.
    let few = program("few-labels");
    few.train(work.path(), &["--config", "m2", "--name", "m2"]).success();
    let m2 = work.path().join("runs/few-labels/m2");
    for command in ["reconstruct", "encode", "analogies"] {
        let said = few.on_run(command, &m2, &options).success().err();
        assert!(said.contains("class 'blue' is none of the model's, which takes"), "{said}");
    }
    few.on_run("evaluate", &m2, &options).failure(1, "class 'blue'");
    for command in ["score", "bounds"] {
        few.on_run(command, &m2, &options).failure(1, "class 'blue'");
    }
    // Class 0 of rectangles is no digit 0.
    program("cvae")
        .on_run("reconstruct", &run, &["--on", "rectangles"])
        .failure(1, "conditional on the classes 0, 1");
}

fn trained_cvae(work: &Path) -> PathBuf {
    program("cvae").train(work, &[]).success();
    work.join("runs/cvae/quick")
}

#[test]
fn all_counts_every_example_and_an_index_beyond_a_split_says_which_splits_there_are() {
    let work = tempfile::tempdir().unwrap();
    let vae = program("vae");
    vae.train(work.path(), &[]).success();
    let run = work.path().join("runs/vae/quick");
    let drawn = |options: &[&str], to: &str| {
        let to = work.path().join(to);
        let options = [options, &["--to", to.to_str().unwrap()]].concat();
        vae.on_run("reconstruct", &run, &options).success();
        let picture = image::open(&to).unwrap().into_rgb8();
        // Below the caption and the number.
        let (width, height) = picture.dimensions();
        image::imageops::crop_imm(&picture, 0, height - 240, width.min(270), 240).to_image()
    };
    // Of 3,000 segments the last 600 are for test.
    let test = drawn(&["--split", "test", "--indices", "7"], "test.png");
    assert_eq!(test, drawn(&["--split", "all", "--indices", "2407"], "all.png"));
    assert_ne!(test, drawn(&["--split", "all", "--indices", "2408"], "next.png"));
    let said = "the validation split has 0 to 399; --split train has 0 to ";
    vae.on_run("reconstruct", &run, &["--indices", "2407"]).failure(1, said);
    vae.on_run("interpolate", &run, &["--indices", "1,2,3"]).failure(1, "--indices 1,2,3: two");
    vae.on_run("interpolate", &run, &["--to", "5"]).failure(1, "--to 5: a name that ends in .png");
    // Beside a picture that the user names nothing is overwritten either.
    fs::write(work.path().join("t.gif"), "").unwrap();
    let to = work.path().join("t.png");
    vae.on_run("traverse", &run, &["--to", to.to_str().unwrap()])
        .failure(1, "t.gif exists already");
    assert!(!to.exists());
    fs::write(work.path().join("s.svg"), "mine").unwrap();
    let to = work.path().join("s.png");
    let options = ["--format", "png,svg", "--to", to.to_str().unwrap()];
    vae.on_run("sample", &run, &options).failure(1, "s.svg exists already");
    assert!(!to.exists());
    let to = work.path().join("t.svg");
    vae.on_run("sample", &run, &["--to", to.to_str().unwrap()]).success();
    assert!(fs::read_to_string(&to).unwrap().starts_with("<svg "));
}

#[test]
fn predictions_for_new_people_are_those_of_the_same_rows_and_are_audited() {
    let work = tempfile::tempdir().unwrap();
    let path = |name: &str| work.path().join(name);
    let row = |i: usize| {
        let (sex, job) = (["f", "m"][i % 2], ["clerk", "nurse", "smith"][i / 2 % 3]);
        let pay = ["low", "high"][usize::from((i / 6).is_multiple_of(3 - i % 2))];
        format!("{},{sex},{job},{pay}\n", 20 + i * 7 % 45)
    };
    let header = "age,sex,job,income\n";
    let table =
        |rows: std::ops::Range<usize>| header.to_owned() + &rows.map(row).collect::<String>();
    fs::write(path("people.csv"), table(0..200)).unwrap();
    fs::write(path("new.csv"), table(20..60)).unwrap();
    let schema = "header = true\ntarget = { column = \"income\", positive = [\"high\"], negative = \
                  [\"low\"] }\nsensitive = { column = \"sex\", values = [\"f\"] }\ncolumns = [\n  { \
                  name = \"age\", kind = \"number\" },\n  { name = \"sex\", kind = \"category\" },\n  { \
                  name = \"job\", kind = \"category\" },\n  { name = \"income\", kind = \"category\" },\n]\n";
    fs::write(path("people.toml"), schema).unwrap();
    let fair = program("fair-repr");
    let run = trained("fair-repr", work.path(), &path("people.csv"));
    let record = fs::read(run.join("record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let metrics = record["metrics"].to_string();
    assert!(metrics.contains("over the test rows") && !metrics.contains("image"), "{metrics}");
    let predict = |options: &[&str], to: &str| {
        let to = path(to);
        let options = [options, &["--to", to.to_str().unwrap()]].concat();
        fair.on_run("predict", &run, &options).success();
        by_name(&to, 1..)
    };
    let own = predict(&["--split", "all"], "own-p.csv");
    // The schema of the run serves for a table without one.
    let new = predict(&["--on", path("new.csv").to_str().unwrap()], "new-p.csv");
    assert_eq!((own.len(), new.len()), (200, 40));
    for line in 2..42 {
        let (of_new, of_own) = (format!("new.csv:{line}"), format!("people.csv:{}", line + 20));
        assert_eq!(new[&of_new], own[&of_own], "line {line}");
    }
    fair.call(&["audit", path("new-p.csv").to_str().unwrap()]).success();
    // Nobody knows yet what they will earn.
    let without = |line: &str| line.rsplit_once(',').unwrap().0.to_owned() + "\n";
    let unknown: String = table(20..60).lines().map(without).collect();
    fs::write(path("unknown.csv"), unknown).unwrap();
    let unknown = path("unknown.csv").to_str().unwrap().to_owned();
    let found = predict(&["--on", &unknown], "unknown-p.csv");
    for line in 2..42 {
        let [found, known] = [("unknown", &found), ("new", &new)]
            .map(|(name, rows)| rows[&format!("{name}.csv:{line}")].clone());
        // The prediction and the group; between them stood the target.
        assert_eq!(found, [known[0].clone(), known[2].clone()], "line {line}");
    }
    fair.call(&["audit", path("unknown-p.csv").to_str().unwrap()]).failure(1, "no column 'target'");
    fair.on_run("evaluate", &run, &["--on", &unknown]).failure(1, "no column 'income'");
    let codes = path("codes.csv");
    fair.on_run("encode", &run, &["--on", &unknown, "--to", codes.to_str().unwrap()]).success();
    assert!(fs::read_to_string(&codes).unwrap().lines().skip(1).all(|line| line.contains(",all,")));
    fair.on_run("evaluate", &run, &["--on", path("new.csv").to_str().unwrap()]).success();
    fs::write(path("other.csv"), "age,sex,work,income\n30,f,clerk,low\n").unwrap();
    let options = ["--on", path("other.csv").to_str().unwrap()].map(str::to_owned);
    fair.on_run("predict", &run, &options.each_ref().map(String::as_str))
        .failure(1, "no column 'job'");
    // A schema that lies elsewhere now is found there; the table is the one that is named, whatever lies beside that.
    fs::create_dir(path("moved")).unwrap();
    fs::rename(path("people.toml"), path("moved/people.toml")).unwrap();
    fs::write(path("moved/new.csv"), table(0..5)).unwrap();
    let (on, moved) = (path("new.csv"), path("moved"));
    let on = ["--on", on.to_str().unwrap()];
    fair.on_run("predict", &run, &on).failure(1, "name that with --data-dir");
    let moved = ["--data-dir", moved.to_str().unwrap()];
    assert_eq!(predict(&[on, moved].concat(), "moved-p.csv"), new);
}
