//! Numeric series of the user's: the commands of docs/your-own-data.md, and mistakes in such files.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{fs, path::Path};

use programs::{program, workspace};

/// Noisy waves of several lengths, with a column that grows.
fn waves(count: usize) -> String {
    let row = |id: usize, step: usize| {
        let wave = ((step * (2 + id % 3)) as f64 / 4.0).sin() + 0.01 * ((id * step) % 7) as f64;
        format!("wave-{id},{wave:.4},{}\n", 100 + 5 * step)
    };
    let rows = (0..count).flat_map(|id| (0..12 + id % 4).map(move |step| row(id, step)));
    format!("series,height,load\n{}", rows.collect::<String>())
}

/// An npz archive of arrays without names.
fn archive(path: &Path, arrays: &[Vec<f64>]) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (number, values) in arrays.iter().enumerate() {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        let name = format!("arr_{number}.npy");
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        let shape = format!("({},)", values.len());
        std::io::Write::write_all(&mut zip, &array("<f8", &shape, &bytes)).unwrap();
    }
    zip.finish().unwrap();
}

/// A numpy array of version 1.
fn array(descr: &str, shape: &str, content: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), content].concat()
}

/// The commands of a section of the page on own data, without `cargo run`.
fn commands(section: &str) -> Vec<Vec<String>> {
    let page = fs::read_to_string(workspace().join("docs/your-own-data.md")).unwrap();
    let text = page.split(&format!("\n### {section}\n")).nth(1).unwrap();
    let text = text.split("\n## ").next().unwrap().split("\n### ").next().unwrap();
    let start = "cargo run --release -p vae-rnn -- ";
    let lines = text.lines().filter_map(|line| line.strip_prefix(start));
    lines.map(|line| line.split_whitespace().map(str::to_owned).collect()).collect()
}

#[test]
fn the_commands_of_the_page_work() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    fs::write(work.path().join("series.csv"), waves(40)).unwrap();
    let series: Vec<Vec<f64>> =
        (0..30).map(|id| (0..10 + id % 3).map(|step| ((id * step) % 5) as f64).collect()).collect();
    archive(&work.path().join("series.npz"), &series);
    let commands = commands("Numeric series");
    assert!(commands.len() >= 4, "{commands:?}");
    let tiny = ["--epochs", "1", "--latent", "2", "--set", "model.hidden=8"];
    let tiny =
        tiny.into_iter().chain(["--set", "model.features=[8]", "--set", "evaluate.nll_samples=5"]);
    for command in &commands {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        if arguments[0] == "train" {
            arguments.extend(tiny.clone());
        }
        let output = program.command(&arguments).current_dir(work.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }
    let run = work.path().join("runs/vae-rnn/waves");
    let table = fs::read_to_string(run.join("generated.csv")).unwrap();
    assert!(table.starts_with("series,step,height,load\n"), "{table}");
    // In the file's units: the load is 100 and more.
    let loads: Vec<f64> = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(3).unwrap().parse().unwrap())
        .collect();
    let mean = loads.iter().sum::<f64>() / loads.len() as f64;
    assert!((60.0..220.0).contains(&mean), "{mean}");
    assert!(fs::read(run.join("generated.png")).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn mistakes_in_a_file_of_series_are_told_in_a_line() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let file = work.path().join("series.csv");
    let path = file.to_str().unwrap();
    let good = waves(40);
    for (text, part) in [
        (good.replace("wave-7,", "wave-7,NaN,"), "fields, and the header has 3"),
        (good.replacen("wave-3,0", "wave-3,x0", 1), "is no finite number"),
        (good.replacen(",100\n", ",NaN\n", 1), "'NaN' is no finite number"),
        (waves(1), "1 series: at least 3"),
        (good.replace("series,height,load", "series,height"), "fields, and the header has 2"),
    ] {
        fs::write(&file, text).unwrap();
        let told = program.train(work.path(), &["--config", "series", "--data", path]);
        let told = told.failure(1, part).err();
        assert!(told.contains("series.csv"), "{told}");
    }
    for (header, part) in [
        ("series,height,height", "two columns of its header are called height"),
        ("series,,load", "column 2 of its header has no name"),
        ("\"na\nme\",height,load", "line 1: a quote \" that is not closed on its line"),
    ] {
        fs::write(&file, good.replacen("series,height,load", header, 1)).unwrap();
        let told = program.train(work.path(), &["--config", "series", "--data", path]);
        let told = told.failure(1, part).err();
        assert_eq!(told.trim().lines().count(), 1, "{told}");
    }
    fs::write(&file, good.replace("series,", "name,")).unwrap();
    // Rows of numbers may be images too: with what the user says they are series or images, else neither.
    program.train(work.path(), &["--data", path]).failure(1, "for images give --size");
    program
        .train(work.path(), &["--data", path, "--size", "1x2"])
        .failure(1, "a table is not scaled");
    let of_series = ["--config", "series", "--data", path];
    program.train(work.path(), &of_series).failure(1, "no column names the series");
    let by_name = [&of_series[..], &["--set", "data.series.id=name", "--name", "by-name"]].concat();
    program
        .train(work.path(), &[&by_name[..], &["--set", "data.train_examples=20"]].concat())
        .success();
    let named = ["--data", path, "--set", "data.series.id=name"];
    program.train(work.path(), &named).failure(1, "as in --config series");
    // One series is enough for a question, and read with the columns of the run.
    let one = work.path().join("one.csv");
    fs::write(&one, waves(1).replace("series,", "name,")).unwrap();
    let run = work.path().join("runs/vae-rnn/by-name");
    let on = ["--on", one.to_str().unwrap()];
    program.on_run("evaluate", &run, &on).success();
    program.on_run("score", &run, &on).success();
    let scores = fs::read_to_string(run.join("scores-on-one.csv")).unwrap();
    assert!(scores.contains(",wave-0,"), "{scores}");
    // What is found out by a score does not keep the others from theirs.
    let extreme = work.path().join("extreme.csv");
    let mut rows = waves(3).replace("series,", "name,");
    rows.push_str("broken,1e30,-1e30\nbroken,-1e30,1e30\n");
    fs::write(&extreme, rows).unwrap();
    let on = ["--on", extreme.to_str().unwrap()];
    let said = program.on_run("score", &run, &on).success().err();
    assert!(said.contains("1 of 4 examples, the first is broken"), "{said}");
    let scores = fs::read_to_string(run.join("scores-on-extreme.csv")).unwrap();
    let (others, last) = scores.trim_end().rsplit_once('\n').unwrap();
    assert!(last.starts_with("4,3,broken,") && last.contains(",inf,"), "{scores}");
    assert!(!others.contains("inf") && others.lines().count() == 4, "{scores}");
    program
        .on_run("evaluate", &run, &["--on", "text"])
        .failure(1, "these are sequences of symbols");
    let named = format!("data.series.file={path}");
    let options = ["--config", "series", "--data", "series", "--set", &named];
    program.train(work.path(), &options).failure(1, "--set data.series.id=COLUMN");
    let with_id = [
        &options[..],
        &["--set", "data.series.id=name", "--name", "named", "--set", "data.train_examples=20"],
    ]
    .concat();
    program.train(work.path(), &with_id).success();
    program
        .train(work.path(), &["--config", "series", "--data", "series"])
        .failure(1, "needs a table or an archive of series: --data FILE.csv");
    // A folder of pictures is data for this program too, but not for this configuration.
    let folder = work.path().join("pictures");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("one.png"), "").unwrap();
    program
        .train(work.path(), &["--config", "series", "--data", folder.to_str().unwrap()])
        .failure(1, "there are images, and the configuration is for name = \"series\"");
}
