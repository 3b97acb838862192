//! A page in which models run: HTML, style and scripts in one file, with the content of one run or two.

use anyhow::{Result, anyhow, bail};
use base64::{Engine, engine::general_purpose::STANDARD};
use plot::escaped;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A run as data: JSON, and a block of bytes with its numbers.
pub struct Content {
    /// Everything but the numbers of arrays.
    pub json: Value,
    /// The numbers.
    pub bytes: Vec<u8>,
}

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/page.css");

/// The scripts, in the order in which they need each other.
const SCRIPTS: [&str; 12] = [
    include_str!("page/document.js"),
    include_str!("page/network.js"),
    include_str!("page/noise.js"),
    include_str!("page/gaussian.js"),
    include_str!("page/model.js"),
    include_str!("page/pixels.js"),
    include_str!("page/image.js"),
    include_str!("page/latents.js"),
    include_str!("page/map.js"),
    include_str!("page/between.js"),
    include_str!("page/samples.js"),
    include_str!("page/main.js"),
];

const STEPS_PAGE: &str = include_str!("page/steps.html");

/// The same of a page about a model of sequences.
const STEPS_SCRIPTS: [&str; 12] = [
    include_str!("page/document.js"),
    include_str!("page/network.js"),
    include_str!("page/noise.js"),
    include_str!("page/gaussian.js"),
    include_str!("page/steps.js"),
    include_str!("page/roll.js"),
    include_str!("page/pen.js"),
    include_str!("page/text.js"),
    include_str!("page/tune.js"),
    include_str!("page/score.js"),
    include_str!("page/beside.js"),
    include_str!("page/sequence.js"),
];

/// What precedes and follows the content of a run in a page.
const CONTENT: &str = "<script type=\"application/json\" class=\"content\">";
const BYTES: &str = "<script type=\"text/plain\" class=\"bytes\" data-sha256=\"";
const END: &str = "</script>";

/// A page about these runs, side by side; the first gives it its title.
pub fn page(runs: &[&Content]) -> String {
    written(PAGE, &SCRIPTS, runs)
}

/// A page about these runs of models of sequences, one below the other.
pub fn page_of_steps(runs: &[&Content]) -> String {
    written(STEPS_PAGE, &STEPS_SCRIPTS, runs)
}

fn written(frame: &str, scripts: &[&str], runs: &[&Content]) -> String {
    let mut data = String::new();
    for run in runs {
        // `<` in a text must not end the script around it.
        let json = run.json.to_string().replace('<', "\\u003c");
        let bytes = STANDARD.encode(&run.bytes);
        let sum = checksum(&json, &bytes);
        data.push_str(&format!("{CONTENT}{json}{END}\n{BYTES}{sum}\">{bytes}{END}\n"));
    }
    let titles: Vec<&str> = runs.iter().filter_map(|run| run.json["title"].as_str()).collect();
    let scripts: String =
        scripts.iter().map(|script| format!("<script>\n{script}{END}\n")).collect();
    frame
        .replace("<!-- title -->", &escaped(&titles.join(" | ")))
        .replace("<!-- style -->", &format!("<style>\n{STYLE}</style>"))
        .replace("<!-- content -->", &data)
        .replace("<!-- scripts -->", &scripts)
}

/// Of the content of a run as a page has it.
fn checksum(json: &str, bytes: &str) -> String {
    hex::encode(Sha256::new().chain_update(json).chain_update(bytes).finalize())
}

/// The content of the first run in a page.
///
/// # Errors
/// If it is no page that [`page`] wrote, or was changed since.
pub fn content_of(page: &str) -> Result<Content> {
    let between = |start: &str| {
        let (_, after) = page.split_once(start)?;
        Some(after.split_once(END)?.0)
    };
    let (Some(json), Some(bytes)) = (between(CONTENT), between(BYTES)) else {
        bail!("is no whole page of this version of explore: write it again");
    };
    let Some(bytes) = bytes.split_once("\">").filter(|(sum, bytes)| *sum == checksum(json, bytes))
    else {
        bail!("is damaged: its content is not as it was written; write it again with explore");
    };
    let json: Value = serde_json::from_str(json).map_err(|error| anyhow!("is damaged: {error}"))?;
    let bytes = STANDARD.decode(bytes.1).map_err(|error| anyhow!("is damaged: {error}"))?;
    Ok(Content { json, bytes })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn made() -> Content {
        let json = json!({ "title": "a < b </script> & c", "image": { "height": 1 } });
        Content { json, bytes: vec![0, 255, 7, 9] }
    }

    #[test]
    fn a_page_is_whole_and_asks_for_nothing() {
        whole(&page_of_steps(&[&made(), &made()]));
        let page = page(&[&made(), &made()]);
        whole(&page);
        assert!(page.contains("<title>a &lt; b &lt;/script&gt; &amp; c | a"));
        assert_eq!(page.matches(CONTENT).count(), 2);
    }

    fn whole(page: &str) {
        for part in ["<!-- title -->", "<!-- style -->", "<!-- content -->", "<!-- scripts -->"] {
            assert!(!page.contains(part), "{part} is left");
        }
        for asks in [
            "http:",
            "https:",
            " src=",
            " href=",
            "url(",
            "fetch(",
            "import(",
            "import ",
            "@import",
            "XMLHttpRequest",
            "WebSocket",
            "sendBeacon",
            "eval(",
        ] {
            assert!(!page.contains(asks), "the page has {asks}");
        }
        assert!(page.contains("default-src 'none'"));
    }

    #[test]
    fn the_content_of_a_page_is_what_was_put_in() {
        let made = made();
        let found = content_of(&page(&[&made])).unwrap();
        assert_eq!((found.json, found.bytes), (made.json, made.bytes));
        for broken in ["", "<html>", CONTENT] {
            assert!(content_of(broken).is_err());
        }
    }

    #[test]
    fn a_page_that_was_changed_or_cut_off_is_refused() {
        let whole = page(&[&made()]);
        let refused = |page: &str| content_of(page).err().unwrap().to_string();
        // Another weight, another title: both are valid pages but for the checksum.
        let weight = STANDARD.encode([0, 255, 7, 9]);
        for changed in [
            whole.replace(&weight, &STANDARD.encode([0, 255, 7, 8])),
            whole.replace(" & c", " & d"),
        ] {
            assert!(refused(&changed).contains("is damaged"), "{}", refused(&changed));
        }
        let cut = whole.find(&weight).unwrap() + 3;
        assert!(refused(&whole[..cut]).contains("no whole page"), "{}", refused(&whole[..cut]));
    }
}
