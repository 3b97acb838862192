//! Nothing wrong passes in silence: what cannot be meant is refused before a folder is touched, and what
//! has no effect is said.
#![allow(clippy::unwrap_used)] // A law that cannot be checked has failed.

mod programs;

use std::{fs, path::Path};

use programs::{Called, program};

fn refused_before_the_fit(work: &Path, paper: &str, options: &[&str], message: &str) {
    program(paper).train(work, options).failure(1, message);
    assert!(!work.join("runs").exists(), "{paper} {options:?} left something behind");
}

#[test]
fn labels_beyond_the_classes_and_components_beyond_the_rank_are_refused_before_the_fit() {
    let work = tempfile::tempdir().unwrap();
    let few = ["--set", "data.train_examples=5"];
    let pca = |extra: &[&'static str]| [&few[..], extra].concat();
    for (paper, options, message) in [
        (
            "denoising-ae",
            vec!["--set", "model.classes=2"],
            "model.classes = 2: the data have 10 classes, --set model.classes=10",
        ),
        (
            "cvae",
            vec!["--set", "conditioning.classes=4"],
            "conditioning.classes = 4: the data have 10 classes, --set conditioning.classes=10",
        ),
        ("pca", pca(&["--latent", "20"]), "[model] latent = 20: 5 training examples vary along"),
        (
            "beta-vae",
            pca(&["--model", "pca", "--latent", "20"]),
            "[model] latent = 20: 5 training examples vary along",
        ),
        (
            "denoising-ae",
            pca(&["--set", "pretraining={kind=\"pca\",components=20}"]),
            "[pretraining] components = 20: 5 training examples vary along",
        ),
    ] {
        refused_before_the_fit(work.path(), paper, &options, message);
    }
    // All that 21 examples have leaves nothing for the noise: there is no density, and that is said.
    let said = program("pca")
        .train(work.path(), &["--set", "data.train_examples=21", "--latent", "20"])
        .success();
    assert!(said.err().contains("no variance of"), "{}", said.err());
    let record = fs::read_to_string(work.path().join("runs/pca/quick/record.json")).unwrap();
    assert!(!record.contains("\"nll\""), "{record}");
}

#[test]
fn options_without_effect_are_refused_or_said() {
    let work = tempfile::tempdir().unwrap();
    program("few-labels")
        .train(work.path(), &["--config", "m1", "--snapshot-epochs", "1"])
        .failure(2, "--snapshot-epochs");
    for (paper, options, message) in [
        ("vae", &["--snapshot-epochs", "1,5"][..], "--snapshot-epochs 5: the fit ends after 2"),
        ("vae", &["--set", "data.split_seed=2"], "split_seed: only for images, tables"),
        ("vae", &["--seed", "1", "--set", "seed=7"], "--set seed=7: --seed or --seeds"),
        ("vae", &["--seeds", "1,2", "--set", "seed=7"], "--set seed=7: --seed or --seeds"),
        (
            "vae",
            &["--latent", "5", "--set", "model.latent=3"],
            "model.latent=3: --latent 5 sets it",
        ),
        (
            "vae",
            &["--data", "segments", "--set", "data={name=\"mnist\"}"],
            "--data segments sets it",
        ),
        (
            "vae",
            &["--data", "segments", "--set", "data.name=rectangles"],
            "--data segments sets it",
        ),
        ("vae", &["--set", "data.csv={schema=\"a\",files=[\"b\"]}"], "data.csv: no such key"),
        (
            "fair-repr",
            &["--set", "data.distinct_orientations=true"],
            "data.distinct_orientations: no such key",
        ),
        ("fair-repr", &["--set", "data.split=iwae"], "\"iwae\" is only for images"),
        ("vae-rnn", &["--model", "rnn", "--set", "objective.kl_warmup_epochs=1.0"], "has no KL"),
        ("vae-rnn", &["--set", "objective.kl_warmup_from=0.5"], "needs kl_warmup_epochs above 0"),
        ("vae-rnn", &["--set", "objective.bound=fivo"], "need particles"),
        ("vae-rnn", &["--set", "objective.particles=4"], "\"elbo\" has none"),
        (
            "vae-rnn",
            &["--model", "rnn", "--set", "objective.bound=iwae", "--set", "objective.particles=4"],
            "latents by step",
        ),
        ("pca", &["--epochs", "3"], "--epochs: this fit has a closed form"),
        ("pca", &["--batch-size", "3"], "--batch-size: this fit has a closed form"),
    ] {
        refused_before_the_fit(work.path(), paper, options, message);
    }
    let says = |called: Called, message: &str| {
        let called = called.success();
        assert!(called.err().contains(message), "{}: {}", called.1, called.err());
    };
    let vae = program("vae");
    let late = ["--set", "objective.kl_warmup_epochs=3.0", "--set", "evaluate.forest_trees=3"];
    let called = vae.train(work.path(), &late).success();
    assert!(called.err().contains("still warming up"), "{}", called.err());
    assert!(called.err().contains("forest_trees is for tables"), "{}", called.err());
    let run = work.path().join("runs/vae/quick");
    says(vae.on_run("traverse", &run, &["--latents", "7"]), "--latents 7: the model has 2");
    says(vae.on_run("latent-map", &run, &["--points", "99999"]), "the validation split has");
    says(vae.on_run("evaluate", &run, &["--images", "99999"]), "--images 99999: the test split");
    let to = work.path().join("exported");
    let to = to.to_str().unwrap();
    vae.on_run("export", &run, &["--to", to, "--terms", "99999"]).failure(1, "--terms 99999");
    assert!(!Path::new(to).exists(), "what was refused left something behind");
    vae.on_run("export", &run, &["--to", to, "--onnx"]).success();
    vae.on_run("export", &run, &["--to", to]).failure(1, "holds an export already");
    fs::remove_dir_all(to).unwrap();
    says(vae.on_run("encode", &run, &["--format", "svg"]), "--format svg: without effect");
    let check = vae.train(work.path(), &["--check"]).success();
    assert!(check.err().contains("holds a run already"), "{}", check.err());

    // Weights that give no figures replace no run.
    let broken = work.path().join("broken.safetensors");
    let mut bytes = fs::read(run.join("weights.safetensors")).unwrap();
    let start = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    bytes[start..].chunks_exact_mut(4).for_each(|v| v.copy_from_slice(&1e30f32.to_le_bytes()));
    fs::write(&broken, bytes).unwrap();
    let before = fs::read(run.join("record.json")).unwrap();
    let over = ["--name", "quick", "--force"];
    vae.import(work.path(), &broken, &over).failure(1, "no record is written");
    assert_eq!(fs::read(run.join("record.json")).unwrap(), before);
    vae.import(work.path(), &run.join("weights.safetensors"), &over).success();

    let pca = program("pca");
    pca.train(work.path(), &[]).success();
    let run = work.path().join("runs/pca/quick");
    let binary = ["--name", "binary", "--set", "data.binarise=threshold"];
    let said = pca.train(work.path(), &binary).success().out();
    assert!(said.contains("a density, not comparable with the probability"), "{said}");
    let evaluated = pca.on_run("evaluate", &run, &["--samples", "10"]).success();
    assert!(evaluated.err().contains("--samples 10: without effect"), "{}", evaluated.err());
    assert!(!evaluated.err().contains("--images"), "{}", evaluated.err());
    pca.on_run("export", &run, &["--to", to, "--terms", "5"]).failure(2, "is a point");
    assert!(!Path::new(to).exists(), "what was refused left something behind");
}

#[test]
fn what_the_chosen_kind_does_not_use_is_said_and_nothing_else() {
    let work = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str], &[&str]); 9] = [
        ("vae", &[], &[]),
        (
            "beta-vae",
            &["--model", "pca", "--set", "objective={kind=\"beta\",beta=2.0}"],
            &[
                "--epochs 2: without effect, model.kind = \"pca\" is not trained",
                "beta=2.0}: without effect, model.kind = \"pca\" is not trained",
                "--set model.encoder=[16]: without effect, model.kind = \"pca\" has no networks",
                "--set evaluate.nll_samples=20: without effect, model.kind = \"pca\" has no p(x)",
            ],
        ),
        (
            "beta-vae",
            &["--model", "pixels"],
            &["--latent 2: without effect, model.kind = \"pixels\" has the pixels for a code"],
        ),
        ("beta-vae", &["--model", "untrained"], &["--epochs 2: without effect"]),
        (
            "cvae",
            &["--set", "objective={kind=\"nn\"}"],
            &["--latent 2: without effect, objective.kind = \"nn\" has no code"],
        ),
        (
            "denoising-ae",
            &["--set", "pretraining={kind=\"none\"}", "--set", "train.batch_size=10"],
            &["train.batch_size=10: without effect, [pretraining] has no layer to train"],
        ),
        (
            "fair-repr",
            &[],
            &[
                "--epochs 2: without effect, model.kind = \"lfr\" is not fitted in epochs",
                "--set vfae.hidden=[8]: without effect, model.kind = \"lfr\" does not use [vfae]",
            ],
        ),
        (
            "vae-rnn",
            &["--model", "rnn"],
            &["--latent 2: without effect, model.kind = \"rnn\" has no latents"],
        ),
        ("pca", &[], &["--set evaluate.nll_samples=20: without effect, p(x) is known exactly"]),
    ];
    for (number, (paper, options, lines)) in cases.into_iter().enumerate() {
        let name = number.to_string();
        let options = [options, &["--name", name.as_str()]].concat();
        let said = program(paper).train(work.path(), &options).success().err();
        for line in lines {
            assert!(said.contains(line), "{paper} {options:?}: {said}");
        }
        // Of what has an effect nothing is said: the data, the one phase there is, the other numbers.
        let wrongly = |option: &str| said.contains(&format!("{option}: without effect"));
        assert!(!wrongly("--data segments") && !wrongly("--set evaluate.forest_trees=3"), "{said}");
        let is_fitted_in_epochs = ["vae", "cvae", "vae-rnn"].contains(&paper);
        assert!(!(is_fitted_in_epochs && wrongly("--epochs 2")), "{paper} {options:?}: {said}");
        assert!(!lines.is_empty() || !said.contains("without effect"), "{said}");
    }
    let few = ["--name", "few", "--set", "data.train_examples=50"];
    let line = "[evaluate] probe_labels: no probe with 100 labels, the training split has 50";
    let said = program("vae").train(work.path(), &few).success().err();
    assert!(said.contains(line), "{said}");
    let run = work.path().join("runs/vae/few");
    let said = program("vae").on_run("evaluate", &run, &[]).success().err();
    assert!(said.contains(line), "{said}");
}

#[test]
fn epochs_are_those_of_every_phase_and_a_phase_before_the_last_is_not_trained_on() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let sizes = ["--data", "segments", "--set", "model.hidden=[9,8]"];
    let evaluate = ["--set", "evaluate={nll_samples=5,nll_images=5,probe_labels=[10]}"];
    let few = ["--set", "data.train_examples=200", "--out", out.to_str().unwrap()];
    let with = |extra: &[&'static str]| [&["train"][..], &sizes, &evaluate, &few, extra].concat();
    let denoising = program("denoising-ae");
    denoising.call(&with(&["--epochs", "2", "--batch-size", "40"])).success();
    let run = out.join("denoising-ae/quick");
    for phase in ["layer-1", "layer-2", "fine-tuning"] {
        let lines = fs::read_to_string(run.join("checkpoints").join(phase).join("metrics.jsonl"));
        assert_eq!(lines.unwrap().lines().count(), 2, "{phase}");
    }
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    assert_eq!(config.matches("batch_size = 40").count(), 2, "{config}");
    let record = fs::read(run.join("record.json")).unwrap();
    let again = denoising.call(&with(&["--resume", "--set", "train.epochs=3"]));
    again.failure(1, "--resume cannot change train.epochs: only [fine_tuning], the last phase");
    assert_eq!(fs::read(run.join("record.json")).unwrap(), record);
    denoising.call(&with(&["--resume", "--set", "fine_tuning.epochs=3"])).success();

    for (paper, message) in [
        ("denoising-ae", "of each layer's pre-training, and of the fine-tuning"),
        ("cvae", "of the predictor, where there is one, and of the conditional model"),
        ("pca", "Refused: this fit has a closed form"),
        ("vae", "Passes over the training split"),
    ] {
        let help = program(paper).call(&["train", "-h"]).success().out();
        // Lines are broken to fit a terminal.
        let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(help.contains(message), "{paper}: {help}");
    }
}

#[test]
fn only_the_last_fit_of_a_run_can_be_made_longer() {
    let work = tempfile::tempdir().unwrap();
    let out = work.path().join("runs");
    let few = ["--set", "data.train_examples=200", "--out", out.to_str().unwrap()];
    let evaluate = ["--set", "evaluate={nll_samples=5,nll_images=5,probe_labels=[10]}"];
    let of = |paper: &str, config: &str, extra: &[&str]| {
        let first = ["train", "--config", config, "--data", "segments"];
        program(paper).call(&[&first[..], &few, &evaluate, extra].concat())
    };
    // Layers are fits of one section, each on what the one below found.
    let layers = |hidden: &str, name: &str, extra: &[&str]| {
        of("denoising-ae", "filters", &[&["--set", hidden, "--name", name], extra].concat())
    };
    for (hidden, name) in [("model.hidden=[9,8]", "two"), ("model.hidden=[9]", "one")] {
        layers(hidden, name, &["--epochs", "1"]).success();
    }
    let again = ["--resume", "--epochs", "2"];
    layers("model.hidden=[9,8]", "two", &again).failure(1, "--resume cannot change train.epochs");
    layers("model.hidden=[9]", "one", &again).success();

    // The baseline is fitted by the section of the predictor.
    let baseline =
        |extra: &[&str]| of("cvae", "pyro", &[&["--set", "objective.kind=nn"], extra].concat());
    baseline(&["--epochs", "1"]).success();
    baseline(&["--resume", "--epochs", "1", "--set", "predictor.epochs=2"]).success();
    let lines = fs::read_to_string(out.join("cvae/pyro/metrics.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let failed =
        baseline(&["--name", "fast", "--epochs", "2", "--set", "predictor.schedule.rate=1e30"]);
    failed.failure(1, "a smaller predictor.schedule.rate");
}

#[test]
fn a_collapsed_posterior_is_said_with_what_helps() {
    let work = tempfile::tempdir().unwrap();
    let strong = ["--set", "objective={kind=\"beta\",beta=1000.0}", "--epochs", "4"];
    let said = program("beta-vae").train(work.path(), &strong).success().out();
    assert!(said.contains("warning: the posterior has collapsed"), "{said}");
    assert!(said.contains("a smaller objective.beta than 1000"), "{said}");
    let fine = ["--name", "fine", "--set", "objective={kind=\"beta\",beta=1.0}", "--epochs", "4"];
    let said = program("beta-vae").train(work.path(), &fine).success().out();
    assert!(!said.contains("collapsed"), "{said}");
}

#[test]
fn as_many_sequences_are_generated_as_were_asked_for() {
    let work = tempfile::tempdir().unwrap();
    let program = program("vae-rnn");
    let chords = ["--data", "tunes", "--name", "chords", "--set", "data.train_examples=30"];
    program.train(work.path(), &chords).success();
    let poem = work.path().join("poem.txt");
    fs::write(&poem, "so much depends\nupon\na red wheel\nbarrow\n".repeat(10)).unwrap();
    let file = format!("data.text.file={}", poem.display());
    let text = ["--data", "text", "--name", "text", "--set", "model.output={kind=\"categorical\"}"];
    let sizes = ["--set", &file, "--set", "data.train_examples=20"];
    program.train(work.path(), &[&text[..], &sizes].concat()).success();
    let drawings =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/sequences/src/fixtures/default.npz");
    let file = format!("data.pen.file={drawings}");
    let pen = ["--data", "pen", "--name", "pen", "--set", &file, "--set", "data.train_examples=1"];
    let mixture = ["--set", "model.output={kind=\"pen\",components=2}"];
    program.train(work.path(), &[&pen[..], &mixture].concat()).success();

    let runs = work.path().join("runs/vae-rnn");
    let drawn = |run: &str, ending: &str| {
        fs::read_dir(runs.join(run))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.starts_with("generated-") && name.ends_with(ending))
            .count()
    };
    let generate = |run: &str, count: &str| {
        program.on_run("generate", &runs.join(run), &["--count", count, "--steps", "3"]).success()
    };
    // By default four; 40, 44 and 50 were 4, 4 and 10.
    assert_eq!((drawn("chords", ".mid"), drawn("pen", ".svg")), (4, 4));
    for (count, of) in [("40", 40), ("44", 44), ("50", 50)] {
        generate("pen", count);
        assert_eq!(drawn("pen", ".svg"), of);
        let said = generate("text", count).out();
        assert!(said.lines().count() >= of, "{said}");
    }
    // What an earlier call left beyond is not this call's; what others put there is theirs.
    let [other, bare] =
        ["generated-9-mine.svg", "generated-99.txt"].map(|name| runs.join("pen").join(name));
    fs::write(&other, "mine").unwrap();
    fs::write(&bare, "mine").unwrap();
    let said = generate("pen", "3").err();
    let line = "removed 47 files of an earlier call, generated-4.svg to generated-50.svg";
    assert!(said.contains(line), "{said}");
    assert_eq!(drawn("pen", ".svg"), 3 + 1);
    assert!(other.is_file() && bare.is_file());
    let said = generate("chords", "3").err();
    assert!(said.contains("removed generated-4.mid, of an earlier call"), "{said}");
    assert!(!generate("chords", "3").err().contains("removed"));
    let said = generate("chords", "70").err();
    assert_eq!(drawn("chords", ".mid"), 70);
    assert!(said.contains("shows the first 60 of 70 sequences"), "{said}");
}

#[test]
fn who_is_not_known_to_be_a_member_is_not_counted_as_none() {
    let work = tempfile::tempdir().unwrap();
    let [schema, table] = ["people.toml", "people.csv"].map(|name| work.path().join(name));
    let text = "header = true\n\
        target = { column = \"hired\", positive = [\"yes\"], negative = [\"no\"] }\n\
        sensitive = { column = \"sex\", values = [\"f\"] }\n\
        columns = [{ name = \"age\", kind = \"number\" }, { name = \"pay\", kind = \"number\" },\n\
        { name = \"sex\", kind = \"category\" }, { name = \"hired\", kind = \"category\" }]\n";
    fs::write(&schema, text).unwrap();
    let row = |i: usize| {
        let (sex, hired) = (["m", "f"][i / 2 % 2], ["no", "yes"][i / 4 % 2]);
        format!("{},14.62,{sex},{hired}\n", 20 + i % 40)
    };
    let rows = "age,pay,sex,hired\n".to_owned() + &(0..600).map(row).collect::<String>();
    let csv = format!("data.csv={{schema={schema:?},files=[{table:?}]}}");
    let train = |rows: &str, extra: &[&str]| {
        fs::write(&table, rows).unwrap();
        let own = ["--data", "csv", "--set", &csv, "--set", "evaluate.probe_labels=[]"];
        program("fair-repr").train(work.path(), &[&own[..], extra].concat())
    };
    for (from, to, message) in [
        ("23,14.62,f,no", "23,14.62,,no", "people.csv, line 5, column 'sex': empty"),
        ("23,14.62,f,no", "23,14.62,x,no", "line 5, column 'sex': 'x' is a third value beside"),
        ("23,14.62,f,no", "23,,f,no", "line 5, column 'pay': empty"),
        ("23,14.62,f,no", "23,14.62,f,", "line 5, column 'hired': '' is none of"),
    ] {
        train(&rows.replacen(from, to, 1), &[]).failure(1, message);
        assert!(!work.path().join("runs").exists(), "{message}: something was left behind");
    }
    // Positives of one group alone, and only then a fit that could not be judged.
    let one_sided = rows.replace("14.62,f,yes", "14.62,f,no");
    train(&one_sided, &[]).failure(1, "nobody with sex = f who is in the positive class");
    assert!(!work.path().join("runs").exists(), "a fit was begun");

    // A constant is no feature, whatever the other rows have: 1.7e22 was the error of this.
    let found = train(&rows.replacen("14.62", "9e9", 1), &["--model", "pca", "--latent", "1"]);
    let found = found.success();
    assert!(
        found.err().contains("column 'pay' is 14.62 in the whole training split"),
        "{}",
        found.err()
    );
    let record = fs::read(work.path().join("runs/fair-repr/quick/record.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let error = record["metrics"]["reconstruction_mse"]["value"].as_f64().unwrap();
    assert!(error < 1.0, "{error}");
    let said = train(&rows, &["--model", "pca", "--latent", "2", "--force"]).success().err();
    assert!(said.contains("pca: 1 of 2 components"), "{said}");
}

#[test]
fn audit_counts_nobody_whose_truth_or_group_is_not_known() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("predictions.csv");
    let rows = "p,truth,sex,x\n0.9,1,m,0\n0.6,0,m,1\n0.2,0,m,2\n0.8,1,f,0\n0.4,1,f,1\n0.1,0,f,2\n";
    let audit = |rows: &str, extra: &[&str]| {
        fs::write(&file, rows).unwrap();
        let own = ["audit", file.to_str().unwrap(), "--prediction", "p", "--target", "truth"];
        let of = ["--sensitive", "sex", "--member", "m"];
        program("fair-repr").call(&[&own[..], &of, extra].concat())
    };
    audit(rows, &[]).success();
    for (from, to, message) in [
        ("0.4,1,f", "0.4,,f", "line 6, column 'truth': empty"),
        ("0.4,1,f", "0.4,1,", "line 6, column 'sex': empty"),
        ("0.4,1,f", "0.4,2,f", "line 6, column 'truth': '2' is neither '1' nor '0'"),
        ("0.4,1,f", "0.4,1,x", "line 6, column 'sex': 'x' is neither 'm' nor 'f'"),
    ] {
        audit(&rows.replace(from, to), &[]).failure(1, message);
    }
    audit(&rows.replace("0.4,1,f", "0.4,1,x"), &["--others", "f,x"]).success();
    audit(rows, &["--others", "x"]).failure(1, "'f' is neither 'm' nor 'x'; name all others");
    audit(rows, &["--neighbours", "3"]).failure(2, "--features");
    audit(rows, &["--features", "x", "--neighbours", "6"]).failure(1, "has 6 people");
}
