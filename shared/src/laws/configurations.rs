//! Laws of a paper's configurations, for its tests to state: each mistake in one is named with its key and
//! its place, and how large a model will be is known before it is made.

use burn::module::Module;
use toml::{Table, Value};

use crate::{
    backend::Backend, cli::parsed, data::PixelShape, nn::outlined, noise::Noise, paper::Paper,
};

/// Which mistakes in the presets are not named: every key misspelt, every value of another kind, and
/// every number out of range, in a file and as an option.
pub fn mistakes_not_named<P: Paper>() -> Vec<String> {
    let mut unnamed = Vec::new();
    for (preset, text) in P::PRESETS {
        let Ok(table) = text.parse::<Table>() else {
            unnamed.push(format!("{preset} is not TOML"));
            continue;
        };
        for path in paths(&table) {
            let (key, last) = (path.join("."), path[path.len() - 1].as_str());
            let Some(value) = take(&mut table.clone(), &path) else { continue };
            let slip = slip(last);
            let wrong = path[..path.len() - 1].iter().map(String::as_str).chain([slip.as_str()]);
            let wrong: Vec<String> = wrong.map(str::to_owned).collect();
            let mut changes = vec![(wrong, value.clone(), format!("did you mean {last}?"))];
            changes.extend(
                of_another_kind(&value).into_iter().map(|v| (path.clone(), v, key.clone())),
            );
            changes.extend(
                out_of_range(last, &value).into_iter().map(|v| (path.clone(), v, last.to_owned())),
            );
            for (place, value, says) in changes {
                let mut changed = table.clone();
                take(&mut changed, &path);
                put(&mut changed, &place, value.clone());
                let option = vec![format!("{}={value}", place.join("."))];
                let text = changed.to_string();
                for (name, place, found) in [
                    ("file", "mine.toml, line ", parsed::<P>("mine.toml", &text, &[])),
                    ("option", "--set ", parsed::<P>("mine.toml", &table.to_string(), &option)),
                ] {
                    let what = match found {
                        Ok(_) => "no error".to_owned(),
                        Err(error) => format!("{error:#}"),
                    };
                    if !(what.contains(&says) && what.starts_with(place) && !what.contains('\n')) {
                        unnamed.push(format!("{preset}, {name}, {}: {what}", option[0]));
                    }
                }
            }
        }
    }
    unnamed
}

/// Presets whose model has another number of parameters than was known before it was made.
pub fn sizes_misjudged<P: Paper, B: Backend>(shape: PixelShape) -> Vec<String> {
    let device = B::Device::default();
    let mut wrong = Vec::new();
    for (preset, text) in P::PRESETS {
        let config = match parsed::<P>(preset, text, &[]) {
            Ok(config) => config,
            Err(error) => {
                wrong.push(format!("{error:#}"));
                continue;
            }
        };
        if P::problem(&config, shape).is_some() {
            continue;
        }
        let build = || P::build::<B>(&config, shape, Noise::new(1), &device);
        let (_, outline) = outlined(build);
        let made = Module::<B>::num_params(&build()) as u64;
        if made != outline.parameters || outline.parameters == 0 {
            wrong.push(format!("{preset}: {made} parameters, {} foreseen", outline.parameters));
        }
    }
    wrong
}

/// Paths of all sections and values.
fn paths(table: &Table) -> Vec<Vec<String>> {
    table
        .iter()
        .flat_map(|(key, value)| {
            let inside = value.as_table().map(paths).unwrap_or_default();
            let inside = inside.into_iter().map(|path| [vec![key.clone()], path].concat());
            [vec![key.clone()]].into_iter().chain(inside).collect::<Vec<_>>()
        })
        .collect()
}

/// A word with a letter doubled.
fn slip(word: &str) -> String {
    let middle = word.len() / 2;
    format!("{}{}", &word[..=middle], &word[middle..])
}

fn of_another_kind(value: &Value) -> Option<Value> {
    Some(match value {
        Value::String(_) | Value::Table(_) => Value::Integer(12_345),
        _ => Value::String("wrong".into()),
    })
}

/// Numbers that may be 0; every other integer of a configuration counts something.
const MAY_BE_ZERO: &[&str] = &["seed", "split_seed", "hold"];

fn out_of_range(key: &str, value: &Value) -> Vec<Value> {
    match value {
        // A preset's own 0 is in range.
        Value::Integer(number) if *number == 0 || MAY_BE_ZERO.contains(&key) => {
            vec![Value::Integer(-12_345)]
        }
        Value::Integer(_) => [-12_345, 0].map(Value::Integer).into(),
        Value::Float(_) => [f64::NAN, f64::INFINITY, -1e9].map(Value::Float).into(),
        // One element of a list is enough.
        Value::Array(elements) => {
            let Some((first, others)) = elements.split_first() else { return Vec::new() };
            let wrong = out_of_range(key, first).into_iter();
            wrong.map(|wrong| Value::Array([&[wrong], others].concat())).collect()
        }
        _ => Vec::new(),
    }
}

fn section<'a>(table: &'a mut Table, path: &[String]) -> Option<&'a mut Table> {
    path.iter().try_fold(table, |table, key| table.get_mut(key)?.as_table_mut())
}

fn take(table: &mut Table, path: &[String]) -> Option<Value> {
    let (last, sections) = path.split_last()?;
    section(table, sections)?.remove(last)
}

fn put(table: &mut Table, path: &[String], value: Value) {
    if let Some((last, sections)) = path.split_last()
        && let Some(table) = section(table, sections)
    {
        table.insert(last.clone(), value);
    }
}
