//! `explore`: the page of a run, and what it refuses.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{fs, path::Path};

use programs::{program, programs};

#[test]
fn a_page_is_one_file_that_asks_for_nothing_and_replaces_nothing() {
    let work = tempfile::tempdir().unwrap();
    let vae = program("vae");
    vae.train(work.path(), &[]).success();
    let run = work.path().join("runs/vae/quick");
    // Training leaves one.
    let page = fs::read_to_string(run.join("explore.html")).unwrap();
    for asks in ["http:", "https:", " src=", " href=", "url(", "fetch(", "import("] {
        assert!(!page.contains(asks), "the page has {asks}");
    }
    assert!(!page.contains(work.path().to_str().unwrap()), "a path of this machine is in the page");
    let to = work.path().join("page.html");
    let to = to.to_str().unwrap();
    let said = vae.on_run("explore", &run, &["--to", to]).success().err();
    assert!(said.contains("its codes differ from the program's by at most"), "{said}");
    assert!(said.contains(" on 20 images"), "{said}");
    assert_eq!(fs::read_to_string(to).unwrap(), page);
    vae.on_run("explore", &run, &["--to", to]).failure(1, "exists already");
    let page = to;
    let json = work.path().join("expected.json");
    let json = json.to_str().unwrap();
    let fresh = work.path().join("fresh.html");
    let fresh = fresh.to_str().unwrap();
    vae.on_run("explore", &run, &["--to", fresh, "--expected", json]).success();
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    assert_eq!(expected["mean"].as_array().unwrap().len(), 100);
    fs::remove_file(fresh).unwrap();
    vae.on_run("explore", &run, &["--to", fresh, "--expected", json]).failure(1, "--expected");
    assert!(!fs::exists(fresh).unwrap(), "a page was written before the mistake was found");

    // Half precision is said and measured.
    vae.on_run("explore", &run, &["--to", fresh, "--half"]).success();
    assert!(fs::metadata(fresh).unwrap().len() < fs::metadata(page).unwrap().len());

    // Another paper beside it, by the page in its run.
    let pca = program("pca");
    pca.train(work.path(), &[]).success();
    let other = work.path().join("runs/pca/quick");
    let both = work.path().join("both.html");
    let both = both.to_str().unwrap();
    let beside = ["--beside", other.to_str().unwrap(), "--to", both];
    vae.on_run("explore", &run, &beside).success();
    let text = fs::read_to_string(both).unwrap();
    assert_eq!(text.matches("class=\"content\"").count(), 2);
    fs::remove_file(both).unwrap();
    fs::remove_file(other.join("explore.html")).unwrap();
    vae.on_run("explore", &run, &beside).failure(1, "without a page");
    let nothing = work.path().join("nothing.html");
    fs::write(&nothing, "<html></html>").unwrap();
    vae.on_run("explore", &run, &["--beside", nothing.to_str().unwrap(), "--to", both])
        .failure(1, "is no whole page of this version of explore");
    // A run of the same paper that is broken is not shown as its page has it.
    let broken = work.path().join("broken");
    fs::create_dir(&broken).unwrap();
    fs::copy(page, broken.join("explore.html")).unwrap();
    fs::write(broken.join("config.toml"), "no configuration").unwrap();
    let told = vae
        .on_run("explore", &run, &["--beside", broken.to_str().unwrap(), "--to", both])
        .failure(1, "config.toml");
    assert_eq!(told.err().trim().lines().count(), 1, "{}", told.err());
    // Nor a page that was changed.
    let changed = work.path().join("changed.html");
    let text = fs::read_to_string(page).unwrap();
    fs::write(&changed, text.replacen("\"title\":\"", "\"title\":\"not ", 1)).unwrap();
    vae.on_run("explore", &run, &["--beside", changed.to_str().unwrap(), "--to", both])
        .failure(1, "is damaged");
    assert!(!fs::exists(both).unwrap());
}

#[test]
fn one_image_of_a_wide_code_is_on_the_map_and_a_model_names_its_own_classes() {
    let work = tempfile::tempdir().unwrap();
    let content = |page: &Path| -> serde_json::Value {
        let page = fs::read_to_string(page).unwrap();
        let text = page.split("class=\"content\"").nth(1).unwrap();
        let text = &text[text.find('>').unwrap() + 1..text.find("</script>").unwrap()];
        serde_json::from_str(text).unwrap()
    };
    let vae = program("vae");
    vae.train(work.path(), &["--latent", "40"]).success();
    let image = work.path().join("one.png");
    image::GrayImage::from_fn(28, 28, |x, y| image::Luma([(x * y % 256) as u8]))
        .save(&image)
        .unwrap();
    let on = |folder: &str, to: &str| {
        [format!("--on={folder}"), format!("--to={}", work.path().join(to).display())]
    };
    let [on_image, to] = on(image.to_str().unwrap(), "one.html");
    vae.on_run("explore", &work.path().join("runs/vae/quick"), &[&on_image, &to]).success();
    // No plane of principal components has one point, so the codes themselves are there.
    let map = &content(&work.path().join("one.html"))["map"];
    assert!(map["components"].is_null() && !map["codes"].is_null(), "{map}");

    // A classifier of left and right, asked about digits.
    let few = program("few-labels");
    let mine = work.path().join("mine");
    for (name, shift) in [("left", 0), ("right", 14)] {
        fs::create_dir_all(mine.join(name)).unwrap();
        for number in 0..30 {
            let lit = |x: u32| (x + 28 - shift) % 28 < 4 + number % 8;
            let picture =
                image::GrayImage::from_fn(28, 28, |x, _| image::Luma([255 * u8::from(lit(x))]));
            picture.save(mine.join(name).join(format!("{number}.png"))).unwrap();
        }
    }
    let data = ["--data", mine.to_str().unwrap(), "--set", "labels.classes=2", "--name", "mine"];
    few.train(work.path(), &data).success();
    let [on_digits, to] = on("segments", "digits.html");
    few.on_run("explore", &work.path().join("runs/few-labels/mine"), &[&on_digits, &to]).success();
    let content = content(&work.path().join("digits.html"));
    let names = |key: &str| -> Vec<String> {
        let classes = content[key].as_array().unwrap();
        classes.iter().map(|class| class["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("model_classes"), ["left", "right"]);
    assert_eq!(names("classes").len(), 10);
}

#[test]
fn what_cannot_be_shown_is_refused_in_one_line() {
    let work = tempfile::tempdir().unwrap();
    for program in programs().iter().filter(|p| p.cannot.iter().any(|name| name == "explore")) {
        program.train(work.path(), &[]).success();
        let run = work.path().join("runs").join(&program.name).join("quick");
        let refused = program.on_run("explore", &run, &[]).failure(2, &program.name);
        assert_eq!(refused.err().trim().lines().count(), 1, "{}", refused.err());
        assert!(!run.join("explore.html").exists());
    }
}

#[test]
fn a_model_of_sequences_has_a_page_of_its_own() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let few = ["--set", "data.train_examples=40", "--data", "tunes", "--name", "tunes"];
    program.train(work.path(), &few).success();
    let run = work.path().join("runs/vae-rnn/tunes");
    let page = fs::read_to_string(run.join("explore.html")).unwrap();
    for asks in ["http:", "https:", " src=", " href=", "url(", "fetch(", "import("] {
        assert!(!page.contains(asks), "the page has {asks}");
    }
    assert!(page.contains(r#""kind":"chords""#) && page.contains("class StepModel"));
    let [to, json] = ["page.html", "page.json"].map(|name| work.path().join(name));
    let (to, json) = (to.to_str().unwrap(), json.to_str().unwrap());
    let said = program.on_run("explore", &run, &["--to", to, "--expected", json]).success().err();
    assert!(said.contains("differ from the program's by at most"), "{said}");
    assert!(said.contains(" on 10 sequences"), "{said}");
    assert_eq!(fs::read_to_string(to).unwrap(), page);
    let expected: serde_json::Value = serde_json::from_slice(&fs::read(json).unwrap()).unwrap();
    let count = |of: &str| expected[of].as_array().unwrap().len();
    assert!(count("sequences") > 10);
    assert_eq!([count("terms"), count("continued")], [count("sequences"); 2]);
    // Another run beside it; not one whose steps are others, nor one of images.
    fs::remove_file(to).unwrap();
    let few = ["--set", "data.train_examples=40", "--data"];
    let lstm = ["tunes", "--name", "lstm", "--set", "model.cell=lstm"];
    program.train(work.path(), &[&few[..], &lstm].concat()).success();
    program.train(work.path(), &[&few[..], &["segments", "--name", "rows"]].concat()).success();
    let vae = programs::program("vae");
    vae.train(work.path(), &[]).success();
    let beside = |other: &Path| {
        program.on_run("explore", &run, &["--to", to, "--beside", other.to_str().unwrap()])
    };
    let runs = work.path().join("runs");
    beside(&runs.join("vae-rnn/rows")).failure(1, "steps are of another kind");
    beside(&runs.join("vae/quick"))
        .failure(1, "vae/quick: one run is of images and the other of sequences");
    assert!(!fs::exists(to).unwrap());
    beside(&runs.join("vae-rnn/lstm")).success();
    let both = fs::read_to_string(to).unwrap();
    assert_eq!(both.matches("class=\"content\"").count(), 2);
    fs::remove_file(to).unwrap();
    program.on_run("explore", &run, &["--to", to, "--half"]).success();
    let half = fs::read_to_string(to).unwrap();
    assert!(half.contains(r#""bits":16"#) && page.contains(r#""bits":32"#));
}
