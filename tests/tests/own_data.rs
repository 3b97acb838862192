//! A run knows its data: what needs them checks them, and what needs none works without.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use programs::{Called, Program, await_that, program, send};

/// Original files of the set `rectangles` in a folder: 1,200 and 50,000 images, of which few are different, drawn otherwise
/// for another `edition`.
fn originals(folder: &Path, edition: usize) {
    fs::create_dir_all(folder).unwrap();
    let line = |example: usize| {
        let pixel =
            |pixel: usize| if (pixel * 7 + example * (31 + edition)) % 11 < 3 { "1" } else { "0" };
        let pixels: Vec<&str> = (0..784).map(pixel).collect();
        format!("{} {}\n", pixels.join(" "), example % 2)
    };
    // All there are: pixels repeat after eleven, classes after two.
    let lines: Vec<String> = (0..22).map(line).collect();
    let write = |name: &str, count: usize| {
        let examples = (0..count).map(|example| &*lines[example % lines.len()]);
        fs::write(folder.join(name), examples.collect::<String>()).unwrap();
    };
    write("rectangles_train.amat", 1200);
    write("rectangles_test.amat", 50_000);
}

/// A CSV of 60 images of 8 x 8 in two classes, the first column, others for another `edition`.
fn pixels(file: &Path, edition: usize) {
    let row = |image: usize| {
        let level = |pixel: usize| format!(",{}", (pixel * (7 + edition) + 5 * image) % 250);
        format!("{}{}\n", image % 2, (0..64).map(level).collect::<String>())
    };
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, (0..60).map(row).collect::<String>()).unwrap();
}

/// What names the class of [`pixels`]: a number, without quotation marks.
const FIRST_COLUMN: [&str; 2] = ["--set", "data.images.label=0"];

/// Every file of a folder with its content.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(contents(&path));
        } else {
            found.insert(path.clone(), fs::read(path).unwrap());
        }
    }
    found
}

fn record(run: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&fs::read(run.join(name)).unwrap()).unwrap()
}

fn sha256_of(run: &Path, file: &str) -> String {
    record(run, "data.json")["identity"]["files"][file].as_str().unwrap().to_owned()
}

#[test]
fn generated_images_are_not_taken_for_the_originals() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae");
    let folder = work.path().join("originals");
    originals(&folder, 0);
    let options = ["--data", "rectangles", "--set", "data.train_examples=300", "--latent", "3"];
    let with_folder = ["--data-dir", folder.to_str().unwrap()];
    program.train(work.path(), &[&options[..], &with_folder].concat()).success();
    let run = work.path().join("runs/vae/quick");
    let own = record(&run, "record.json");
    assert!(own["data"]["sha256"]["rectangles_test.amat"].is_string(), "{own}");
    assert!(own["data"].get("trained_on").is_none());

    // The run knows where its data lay.
    program.on_run("evaluate", &run, &[]).success();
    assert_eq!(record(&run, "record.json")["data"], own["data"]);

    // The set could be drawn anew, but these would be other images.
    let moved = work.path().join("moved away");
    fs::rename(&folder, &moved).unwrap();
    let before = contents(&run);
    let sha256 = sha256_of(&run, "rectangles_test.amat");
    for command in ["evaluate", "reconstruct", "interpolate", "latent-map"] {
        let refused = program.on_run(command, &run, &[]).failure(1, &sha256);
        assert!(refused.err().contains("generated") && refused.err().contains("--other-data"));
        assert!(refused.err().contains("--data-dir"), "{}", refused.err());
    }
    let resume = ["--resume", "--epochs", "3"];
    program.train(work.path(), &[&options[..], &resume].concat()).failure(1, &sha256);
    assert!(contents(&run) == before, "a refused command changed the run");

    // What needs no image works.
    program.on_run("sample", &run, &["--count", "4"]).success();
    let traverse = program.on_run("traverse", &run, &["--steps", "3"]).success();
    assert!(traverse.err().contains("latents.csv"), "{}", traverse.err());
    program.on_run("traverse", &run, &["--index", "0"]).failure(1, &sha256);
    let exported = work.path().join("exported");
    program.on_run("export", &run, &["--to", exported.to_str().unwrap()]).success();

    // Wherever the folder is now.
    let here = ["--data-dir", moved.to_str().unwrap()];
    program.on_run("evaluate", &run, &here).success();
    let again = record(&run, "record.json");
    assert_eq!((&again["data"], &again["metrics"]), (&own["data"], &own["metrics"]));
    program.train(work.path(), &[&options[..], &resume, &here].concat()).success();

    // Where there is nothing to use on purpose, --other-data says so.
    let own_as_others = [&here[..], &["--other-data"]].concat();
    let said = program.on_run("evaluate", &run, &own_as_others).success().err();
    assert!(said.contains("--other-data: without effect, these are the run's own data"), "{said}");
    assert!(!run.join("record-other-data.json").exists());
    let said = program.on_run("sample", &run, &["--other-data"]).success().err();
    assert!(said.contains("--other-data: without effect, this command needed no data"), "{said}");

    // Other originals are other data, and may be used on purpose: the run's record stays.
    originals(&folder, 1);
    let refused = program.on_run("evaluate", &run, &[]).failure(1, &sha256).err();
    assert!(refused.contains("rectangles_test.amat has sha256"), "{refused}");
    let before = fs::read(run.join("record.json")).unwrap();
    let said = program.on_run("evaluate", &run, &["--other-data"]).success().err();
    assert!(!said.contains("without effect"), "{said}");
    assert_eq!(fs::read(run.join("record.json")).unwrap(), before);
    let on_other = record(&run, "record-other-data.json");
    assert_eq!(on_other["data"]["trained_on"]["files"]["rectangles_test.amat"], sha256.as_str());
    assert_ne!(on_other["data"]["sha256"]["rectangles_test.amat"], sha256.as_str());
}

#[test]
#[cfg(unix)]
fn the_line_printed_on_ctrl_c_continues_on_the_same_data() {
    use std::process::{Command, Stdio};
    let work = tempfile::tempdir().unwrap();
    let program = program("vae");
    let folder = work.path().join("my 'original' data");
    originals(&folder, 0);
    let out = work.path().join("all runs");
    fs::create_dir(&out).unwrap();
    let epochs =
        ["--data", "rectangles", "--epochs", "300", "--data-dir", folder.to_str().unwrap()];
    let child =
        program.to_train(&out, &epochs).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let child = child.unwrap();
    let run = out.join("runs/vae/quick");
    await_that(|| run.join("metrics.jsonl").is_file(), "no epoch");
    send("-INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "it was done too soon");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let hint = text.lines().find_map(|line| line.split_once("continue with: ")).unwrap().1;
    assert!(hint.contains("--data-dir '"), "{hint}");

    let programs = programs::executable("vae");
    let path =
        format!("{}:{}", programs.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{hint} --epochs 301")]).env("PATH", path).env("AE_OFFLINE", "1");
    let output = shell.env_remove("AE_DATA_DIR").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{hint}: {}", String::from_utf8_lossy(&output.stderr));
    let own = record(&run, "record.json");
    assert!(own["data"]["sha256"]["rectangles_test.amat"].is_string(), "{own}");
}

const SCHEMA: &str = r#"
header = true
target = { column = "hired", positive = ["yes"], negative = ["no"] }
sensitive = { column = "sex", values = ["f"] }
columns = [
    { name = "age", kind = "number" },
    { name = "town", kind = "category" },
    { name = "sex", kind = "category" },
    { name = "hired", kind = "category" },
]
"#;

fn rows(sign: i64) -> String {
    let row = |i: i64| {
        let [town, sex] = [["north", "south"][i as usize % 2], ["m", "f"][i as usize / 2 % 2]];
        let age = 20 + i * 7 % 40;
        format!("{},{town},{sex},{}\n", sign * age, if age > 38 { "yes" } else { "no" })
    };
    "age,town,sex,hired\n".to_owned() + &(0..120).map(row).collect::<String>()
}

#[test]
fn models_fitted_to_a_table_are_not_used_on_an_edited_one() {
    let work = tempfile::tempdir().unwrap();
    let program = program("fair-repr");
    let folder = work.path().join("study");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("people.toml"), format!("\u{feff}{SCHEMA}")).unwrap();
    // A mark at the beginning is no part of a column's name.
    fs::write(folder.join("people.csv"), format!("\u{feff}{}", rows(1))).unwrap();
    let quick =
        fs::read_to_string(programs::workspace().join("crates/fair-repr/configs/quick.toml"));
    let mut config: toml::Table = toml::from_str(&quick.unwrap()).unwrap();
    // Paths are relative to the configuration, wherever the program is called.
    config["data"] = toml::from_str::<toml::Table>(
        "name = 'csv'\nbinarise = 'none'\ncsv = { schema = 'people.toml', files = ['people.csv'] }",
    )
    .unwrap()
    .into();
    let file = folder.join("study.toml");
    fs::write(&file, format!("\u{feff}{config}")).unwrap();
    let call = |working_folder: &str, arguments: &[&str]| {
        let working_folder = work.path().join(working_folder);
        fs::create_dir_all(&working_folder).unwrap();
        let mut command = program.command(arguments);
        Called(command.current_dir(working_folder).output().unwrap(), arguments.join(" "))
    };
    let out = work.path().join("runs");
    let frontier = [
        "frontier",
        "--config",
        file.to_str().unwrap(),
        "--splits",
        "1",
        "--methods",
        "raw",
        "--out",
        out.to_str().unwrap(),
    ];
    let first = call("here", &frontier).success();
    let again = call("there", &frontier).success();
    assert_eq!(first.out(), again.out());
    assert!(!again.err().contains("fitting"), "{}", again.err());
    let run = out.join("fair-repr/frontier-people/raw/split-1");
    let own = fs::read_to_string(run.join("config.toml")).unwrap();
    assert!(own.contains("\"people.csv\""), "{own}");
    let kept = record(&run, "data.json");
    assert_eq!(kept["preparation"]["table"]["encoder"]["columns"][1]["values"][1], "south");
    let sha256 = sha256_of(&run, "people.csv");

    fs::write(folder.join("people.csv"), rows(-1)).unwrap();
    let before = contents(&out);
    let refused = call("here", &frontier).failure(1, &sha256).err();
    assert!(refused.contains("people.csv has sha256") && refused.contains("--out"), "{refused}");
    program.on_run("evaluate", &run, &[]).failure(1, &sha256);
    assert!(contents(&out) == before, "a refused command changed something");
    program.on_run("evaluate", &run, &["--other-data"]).success();
    // Encoded by the run's own statistics: the negated ages are far out.
    let negated = &record(&run, "record-other-data.json")["metrics"]["accuracy"]["value"];
    assert!(negated.as_f64().unwrap() < 0.7, "{negated}");

    // The same rows with other ends of lines are the same people.
    fs::write(folder.join("people.csv"), rows(1).replace('\n', "\r\n")).unwrap();
    let same = call("there", &frontier).success();
    assert_eq!(same.out(), first.out());
    assert!(same.err().contains("what a model sees of them is the same"), "{}", same.err());
}

#[test]
fn layers_pre_trained_on_other_images_are_not_searched_with() {
    let work = tempfile::tempdir().unwrap();
    let program = program("denoising-ae");
    let folder = work.path().join("originals");
    originals(&folder, 0);
    let out = work.path().join("runs");
    let search: Vec<&str> = [
        "search",
        "--fractions",
        "0.25",
        "--fine-tuning-rates",
        "0.01,0.001",
        "--epochs",
        "1",
        "--set",
        "fine_tuning.epochs=1",
        "--set",
        "model.hidden=[8]",
        "--data",
        "rectangles",
        "--set",
        "data.train_examples=100",
        "--data-dir",
        folder.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
    ]
    .into();
    let first = program.call(&search).success();
    let runs = out.join("denoising-ae/search-rectangles");
    let data = |name: &str| fs::read(runs.join(name).join("data.json")).unwrap();
    assert_eq!(data("nu-0.25-rate-0.01"), data("nu-0.25-rate-0.001"));
    assert_eq!(program.call(&search).success().out(), first.out());
    let sha256 = sha256_of(&runs.join("nu-0.25-rate-0.01"), "rectangles_test.amat");
    originals(&folder, 1);
    program.call(&search).failure(1, &sha256);
}

/// Trains on a text under `work`.
fn train_on(work: &Path, program: &Program, text: &Path) {
    let file = format!("data.text.file={}", text.display());
    let options = [
        "--data",
        "text",
        "--set",
        &file,
        "--set",
        "model.output={kind=\"categorical\"}",
        "--set",
        "data.train_examples=20",
    ];
    program.train(work, &options).success();
}

#[test]
fn a_run_on_a_text_keeps_its_vocabulary() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let poem = work.path().join("poem.txt");
    let text = "so much depends\nupon\na red wheel\nbarrow\n".repeat(20);
    fs::write(&poem, &text).unwrap();
    train_on(work.path(), program, &poem);
    let run = work.path().join("runs/vae-rnn/quick");
    let sha256 = sha256_of(&run, "poem.txt");
    let own = record(&run, "record.json");
    let generated = || program.on_run("generate", &run, &["--count", "4"]).success().out();
    let before = generated();

    // Letters that are rarer now would have other numbers.
    fs::write(&poem, format!("{}{}", text, "zzzzzzzz bbbbbb\n".repeat(40))).unwrap();
    assert_eq!(generated(), before);
    program.on_run("surprise", &run, &["--indices", "0"]).failure(1, &sha256);
    program.on_run("complete", &run, &["--indices", "0"]).failure(1, &sha256);
    let all = contents(&run);
    program.on_run("evaluate", &run, &[]).failure(1, &sha256);
    assert!(contents(&run) == all, "a refused evaluation changed the run");
    let unknown = program.on_run("evaluate", &run, &["--other-data"]);
    unknown.failure(1, "'z' is not among the");
    // Other lines of the same letters are read by the run's vocabulary, and marked as other data.
    fs::write(&poem, "barrow\nbarrow barrow\nupon barrow\n".repeat(20)).unwrap();
    program.on_run("evaluate", &run, &["--other-data"]).success();
    let other = record(&run, "record-other-data.json");
    assert_eq!(other["data"]["trained_on"]["files"]["poem.txt"], sha256.as_str());

    fs::remove_file(&poem).unwrap();
    assert_eq!(generated(), before);
    program.on_run("surprise", &run, &["--text", "a red barrow", "--text", "upon"]).success();
    program.on_run("surprise", &run, &["--text", "a blue barrow!"]).failure(1, "'!' is not among");
    let exported = work.path().join("exported");
    program.on_run("export", &run, &["--to", exported.to_str().unwrap()]).success();
    program.on_run("evaluate", &run, &[]).failure(1, "name that with --data-dir");

    // The file may lie elsewhere.
    let folder = work.path().join("archive");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("poem.txt"), &text).unwrap();
    let archive = ["--data-dir", folder.to_str().unwrap()];
    program.on_run("evaluate", &run, &archive).success();
    let again = record(&run, "record.json");
    assert_eq!((&again["data"], &again["metrics"]), (&own["data"], &own["metrics"]));

    // A run of an older version has its record alone to be checked by.
    fs::remove_file(run.join("data.json")).unwrap();
    let older = program.on_run("evaluate", &run, &archive).success();
    assert!(older.err().contains("has no data.json"), "{}", older.err());
    fs::write(folder.join("poem.txt"), text.replace("red", "dre")).unwrap();
    program.on_run("evaluate", &run, &archive).failure(1, &sha256);
    // What was damaged is not used.
    fs::write(run.join("data.json"), "{}").unwrap();
    program.on_run("generate", &run, &[]).failure(1, "data.json is not as it was written");
}

#[test]
fn a_data_folder_that_is_of_no_use_is_refused_or_said() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae");
    let nowhere = work.path().join("nowhere");
    let nowhere = nowhere.to_str().unwrap();
    program.train(work.path(), &["--data-dir", nowhere]).failure(1, "--data-dir");
    let output = program.to_train(work.path(), &[]).env("AE_DATA_DIR", nowhere).output().unwrap();
    Called(output, "AE_DATA_DIR".into()).failure(1, "AE_DATA_DIR");
    assert!(!work.path().join("runs").exists(), "something was left behind");

    let empty = work.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let said = program.train(work.path(), &["--data-dir", empty.to_str().unwrap()]).success();
    assert!(said.err().contains("segments is generated"), "{}", said.err());
    let mnist = ["--data", "mnist", "--name", "mnist", "--data-dir", empty.to_str().unwrap()];
    let output =
        program.to_train(work.path(), &mnist).env("AE_CACHE_DIR", &empty).output().unwrap();
    Called(output, "mnist".into()).failure(1, "holds none of train-images-idx3-ubyte, ");
}

#[test]
fn a_path_that_is_named_comes_before_the_folder_of_the_environment() {
    let work = tempfile::tempdir().unwrap();
    let vae = program("vae");
    let [here, elsewhere] = ["here", "elsewhere"].map(|folder| work.path().join(folder));
    let file = here.join("mine.csv");
    pixels(&file, 0);
    pixels(&elsewhere.join("mine.csv"), 1);
    let train = |name: &str, extra: &[&str], variable: Option<&Path>| {
        let own = ["--data", file.to_str().unwrap(), "--name", name];
        let mut command = vae.to_train(work.path(), &[&own[..], &FIRST_COLUMN, extra].concat());
        command.envs(variable.map(|folder| ("AE_DATA_DIR", folder)));
        let said = Called(command.output().unwrap(), name.into()).success().err();
        (work.path().join("runs/vae").join(name), said)
    };
    let named = ["--data-dir", elsewhere.to_str().unwrap()];
    let (own, said) = train("own", &[], Some(&elsewhere));
    assert!(said.contains("mine.csv is read from its path, not from the data folder"), "{said}");
    let (other, said) = train("other", &named, None);
    assert!(!said.contains("is read from its path"), "{said}");
    let folder = |run: &Path| record(run, "data.json")["folder"].clone();
    assert_ne!(sha256_of(&own, "mine.csv"), sha256_of(&other, "mine.csv"));
    assert_eq!((folder(&own).is_null(), folder(&other).is_null()), (true, false));
    // The folder that a run recorded comes first again.
    vae.on_run("evaluate", &other, &[]).success();
    vae.on_run("evaluate", &own, &[]).success();
    vae.on_run("evaluate", &own, &named).failure(1, "was fitted to other data");
    // Where nothing lies at the path, the folder of the environment has it.
    fs::remove_file(&file).unwrap();
    let (moved, _) = train("moved", &[], Some(&elsewhere));
    assert_eq!(sha256_of(&moved, "mine.csv"), sha256_of(&other, "mine.csv"));
    assert!(!folder(&moved).is_null());
}

#[test]
fn images_that_do_not_fit_into_memory_are_not_read() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("mine.csv");
    pixels(&file, 0);
    let data = ["--data", file.to_str().unwrap()];
    let options = [&data[..], &FIRST_COLUMN].concat();
    let mut command = program("vae").to_train(work.path(), &options);
    let output = command.env("AE_MEMORY_GB", "0.00001").output().unwrap();
    let wanted = format!("reading {} needs ", file.display());
    let said = Called(output, "10 kB".into()).failure(1, &wanted).err();
    assert!(said.contains("10.0 kB are available"), "{said}");
    assert!(!work.path().join("runs").exists());
}
