//! Deserialisation of a table that knows the key of every mistake, inside tagged enums too, where serde itself
//! has lost it.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{
        self, DeserializeOwned, DeserializeSeed, EnumAccess, Expected, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor, value::StringDeserializer,
    },
    forward_to_deserialize_any,
};
use toml::{Table, Value};

use super::{
    mistake::{Mistake, Problem, described},
    nearest::near,
};

/// The settings in a table. Unknown keys are found first, section by section: what is misspelt is then not
/// reported as missing.
///
/// # Errors
/// The first mistake, with its key.
pub fn from_table<T: DeserializeOwned + Serialize>(table: &Table) -> Result<T, Mistake> {
    let root = Value::Table(table.clone());
    let node = Node { value: &root, path: Vec::new() };
    let settings = T::deserialize(node).map_err(|fault| fault.located(&root))?;
    match Table::try_from(&settings).ok().and_then(|read| ignored(table, &read)) {
        Some(path) => Err(Mistake { path, problem: Problem::UnknownKey(vec![TAG.to_owned()]) }),
        None => Ok(settings),
    }
}

/// The settings in a value that stands at `path`.
///
/// # Errors
/// The first mistake, with its whole key.
pub fn from_value<T: DeserializeOwned + Serialize>(
    value: &Value,
    path: Vec<String>,
) -> Result<T, Mistake> {
    let located =
        |mistake: Mistake| Mistake { path: [path.clone(), mistake.path].concat(), ..mistake };
    match value {
        Value::Table(table) => from_table(table).map_err(located),
        value => {
            let node = Node { value, path: Vec::new() };
            T::deserialize(node).map_err(|fault| located(fault.located(value)))
        }
    }
}

/// Path to a key that was ignored: beside the tag of a variant without keys serde accepts any.
fn ignored(given: &Table, read: &Table) -> Option<Vec<String>> {
    let is_tag_alone = read.len() == 1 && read.contains_key(TAG);
    given.iter().find_map(|(key, value)| match (value, read.get(key)) {
        (_, None) if is_tag_alone => Some(vec![key.clone()]),
        (Value::Table(given), Some(Value::Table(read))) => {
            let path = ignored(given, read)?;
            Some([vec![key.clone()], path].concat())
        }
        _ => None,
    })
}

/// What tells the variants of an enum apart, in every configuration here.
const TAG: &str = "kind";

/// A mistake on its way out: the key is added where it is known.
#[derive(Debug)]
struct Fault {
    path: Option<Vec<String>>,
    /// An unknown key, inside `path`.
    key: Option<String>,
    problem: Problem,
}

impl Fault {
    fn new(problem: Problem) -> Self {
        Self { path: None, key: None, problem }
    }

    fn at(mut self, path: &[String]) -> Self {
        self.path.get_or_insert_with(|| path.to_vec());
        self
    }

    /// With the whole path: in a tagged enum, only its section is known.
    fn located(self, root: &Value) -> Mistake {
        let mut path = self.path.unwrap_or_default();
        let section = at(root, &path);
        let fits = |value: &Value| match &self.problem {
            Problem::UnknownKey(_) => {
                self.key.as_ref().is_some_and(|key| value.get(key.as_str()).is_some())
            }
            Problem::UnknownWord { found, .. } => value.as_str() == Some(found),
            // A whole number is a fraction too, where one is wanted, and single precision rounds.
            Problem::Value { found, .. } => {
                let number = value.as_float().or(value.as_integer().map(|number| number as f64));
                let single = number.and_then(|number| (number as f32).to_string().parse().ok());
                let as_read = [number, single].into_iter().flatten().map(Value::Float);
                described(value) == *found || as_read.map(|v| described(&v)).any(|v| v == *found)
            }
            Problem::Missing(field) => value.is_table() && value.get(field.as_str()).is_none(),
            Problem::Other(_) => true,
        };
        if let Some(inner) = section.and_then(|section| find(section, &fits)) {
            path.extend(inner);
        }
        // A tag misspelt is found missing before it is found unknown.
        if let Problem::Missing(field) = &self.problem
            && let Some(keys) = at(root, &path).and_then(Value::as_table).map(Table::keys)
            && let Some(near) = near(field, keys.map(String::as_str))
        {
            let known = vec![field.clone()];
            path.push(near.to_owned());
            return Mistake { path, problem: Problem::UnknownKey(known) };
        }
        let mut problem = self.problem;
        // As the file has it.
        if let Problem::Value { found, .. } = &mut problem
            && let Some(value @ Value::Float(_)) = at(root, &path)
        {
            *found = described(value);
        }
        // Nor does serde count the tag among the keys of a tagged enum.
        if let Problem::UnknownKey(known) = &mut problem
            && at(root, &path).is_some_and(|section| section.get(TAG).is_some())
            && !known.iter().any(|key| key == TAG)
        {
            known.insert(0, TAG.to_owned());
        }
        path.extend(self.key);
        Mistake { path, problem }
    }
}

/// The value at this path.
fn at<'a>(root: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(root, |value, key| match value {
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        value => value.get(key),
    })
}

/// Path to the first value that fits, outermost first.
fn find(value: &Value, fits: &impl Fn(&Value) -> bool) -> Option<Vec<String>> {
    if fits(value) {
        return Some(Vec::new());
    }
    let inside: Vec<(String, &Value)> = match value {
        Value::Table(table) => table.iter().map(|(key, value)| (key.clone(), value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().map(|(place, value)| (place.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    inside.into_iter().find_map(|(key, value)| {
        let mut path = find(value, fits)?;
        path.insert(0, key);
        Some(path)
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.problem)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Problem::Other(message.to_string()))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        let (found, wanted) = (found.to_string(), wanted.to_string());
        Self::new(Problem::Value { found, wanted })
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let known = known.iter().map(|&word| word.to_owned()).collect();
        Self::new(Problem::UnknownWord { found: found.into(), known })
    }

    fn unknown_field(key: &str, known: &'static [&'static str]) -> Self {
        let known = known.iter().map(|&word| word.to_owned()).collect();
        Self { path: None, key: Some(key.into()), problem: Problem::UnknownKey(known) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(Problem::Missing(field.into()))
    }
}

/// A value and the keys that lead to it.
struct Node<'a> {
    value: &'a Value,
    path: Vec<String>,
}

impl Node<'_> {
    fn child<'a>(&self, key: &str, value: &'a Value) -> Node<'a> {
        let mut path = self.path.clone();
        path.push(key.to_owned());
        Node { value, path }
    }
}

impl<'de> Deserializer<'de> for Node<'_> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let result = match self.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(flag) => visitor.visit_bool(*flag),
            Value::Datetime(time) => visitor.visit_string(time.to_string()),
            Value::Array(items) => visitor.visit_seq(Items { of: &self, next: 0, items }),
            Value::Table(table) => {
                let entries = table.iter().collect::<Vec<_>>().into_iter();
                visitor.visit_map(Entries { of: &self, entries, value: None })
            }
        };
        result.map_err(|fault| fault.at(&self.path))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let keys = self.value.as_table().into_iter().flat_map(Table::keys);
        if let Some(key) = keys.into_iter().find(|key| !fields.contains(&key.as_str())) {
            let fault: Fault = de::Error::unknown_field(key, fields);
            return Err(fault.at(&self.path));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let path = self.path.clone();
        let mut keys = self.value.as_table().into_iter().flat_map(Table::keys);
        if let Some(key) = keys.find(|key| !variants.contains(&key.as_str())) {
            let fault: Fault = de::Error::unknown_field(key, variants);
            return Err(fault.at(&path));
        }
        let only = self.value.as_table().filter(|table| table.len() == 1);
        let (word, inside) = match (self.value, only.and_then(|table| table.iter().next())) {
            (Value::String(word), _) => (word.clone(), None),
            (_, Some((word, value))) => (word.clone(), Some(self.child(word, value))),
            (other, None) => {
                let (found, wanted) = (described(other), "a string".into());
                return Err(Fault::new(Problem::Value { found, wanted }).at(&path));
            }
        };
        visitor.visit_enum(Choice { word, inside }).map_err(|fault| fault.at(&path))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

struct Items<'a, 'b> {
    of: &'b Node<'a>,
    items: &'a [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some(value) = self.items.get(self.next) else { return Ok(None) };
        let node = self.of.child(&self.next.to_string(), value);
        self.next += 1;
        let path = node.path.clone();
        seed.deserialize(node).map(Some).map_err(|fault| fault.at(&path))
    }
}

struct Entries<'a, 'b> {
    of: &'b Node<'a>,
    entries: std::vec::IntoIter<(&'a String, &'a Value)>,
    value: Option<(&'a String, &'a Value)>,
}

impl<'de> MapAccess<'de> for Entries<'_, '_> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.value = self.entries.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let key: StringDeserializer<Fault> = de::IntoDeserializer::into_deserializer(key.clone());
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let Some((key, value)) = self.value.take() else {
            return Err(de::Error::custom("a value without its key"));
        };
        let node = self.of.child(key, value);
        let path = node.path.clone();
        seed.deserialize(node).map_err(|fault| fault.at(&path))
    }
}

struct Choice<'a> {
    word: String,
    inside: Option<Node<'a>>,
}

impl<'de, 'a> EnumAccess<'de> for Choice<'a> {
    type Error = Fault;
    type Variant = Inside<'a>;

    fn variant_seed<V: DeserializeSeed<'de>>(
        self,
        seed: V,
    ) -> Result<(V::Value, Inside<'a>), Fault> {
        let word: StringDeserializer<Fault> = de::IntoDeserializer::into_deserializer(self.word);
        Ok((seed.deserialize(word)?, Inside(self.inside)))
    }
}

struct Inside<'a>(Option<Node<'a>>);

impl Inside<'_> {
    fn missing() -> Fault {
        let (found, wanted) = ("a word alone".into(), "a section".into());
        Fault::new(Problem::Value { found, wanted })
    }
}

impl<'de> VariantAccess<'de> for Inside<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.0 {
            None => Ok(()),
            Some(node) => <()>::deserialize(node),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.0.ok_or_else(Self::missing)?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.0.ok_or_else(Self::missing)?.deserialize_any(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.ok_or_else(Self::missing)?.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        seed: u64,
        train: Train,
        #[serde(default)]
        init: Init,
        #[serde(default)]
        widths: Vec<usize>,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(deny_unknown_fields)]
    struct Train {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        epochs: Option<usize>,
        batch_size: usize,
        schedule: Schedule,
        optimiser: Optimiser,
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
    enum Schedule {
        Constant {
            rate: f64,
        },
        Cosine {
            rate: f64,
            #[serde(default)]
            last: f64,
        },
    }

    #[derive(Debug, Deserialize, PartialEq, Serialize)]
    #[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
    enum Optimiser {
        Adam {
            #[serde(default, deserialize_with = "below_one")]
            beta1: f32,
        },
        Sgd {
            #[serde(default)]
            momentum: f64,
        },
    }

    fn below_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f32, D::Error> {
        let number = f32::deserialize(deserializer)?;
        let found = Unexpected::Float(number.to_string().parse().unwrap());
        if number < 1.0 { Ok(number) } else { Err(de::Error::invalid_value(found, &"less")) }
    }

    #[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    enum Init {
        #[default]
        Glorot,
        He,
        Normal {
            std: f32,
        },
    }

    const GOOD: &str = "seed = 1\nwidths = [3, 4]\ninit = \"he\"\n[train]\nepochs = 3\nbatch_size = 8\n\
                        [train.schedule]\nkind = \"cosine\"\nrate = 1\n[train.optimiser]\nkind = \"adam\"\n";

    fn mistake(from: &str, to: &str) -> String {
        assert!(GOOD.contains(from));
        let table = toml::from_str(&GOOD.replacen(from, to, 1)).unwrap();
        from_table::<Settings>(&table).unwrap_err().to_string()
    }

    #[test]
    fn what_is_right_reads_as_toml_reads_it() {
        for text in [GOOD, &GOOD.replace("\"he\"", "{ normal = { std = 0.1 } }")] {
            let table = toml::from_str(text).unwrap();
            assert_eq!(from_table::<Settings>(&table).unwrap(), toml::from_str(text).unwrap());
        }
    }

    #[test]
    fn every_mistake_has_its_whole_key() {
        for (from, to, message) in [
            // A section misspelt is not a section missing, nor a fault of its neighbours.
            ("[train]", "[trian]", "trian: no such key; did you mean train?"),
            ("epochs", "epoch", "train.epoch: no such key; did you mean epochs?"),
            ("rate = 1", "rat = 1", "train.schedule.rat: no such key; did you mean rate?"),
            (
                "rate = 1",
                "rate = \"0.001\"",
                "train.schedule.rate = \"0.001\": a number belongs here, without",
            ),
            ("kind = \"cosine\"", "kind = \"cosin\"", "train.schedule.kind = \"cosin\" is none of"),
            (
                "kind = \"cosine\"",
                "knid = \"cosine\"",
                "train.schedule.knid: no such key; did you mean kind?",
            ),
            ("kind = \"cosine\"", "", "train.schedule.kind is missing"),
            ("rate = 1", "", "train.schedule.rate is missing"),
            ("batch_size = 8", "", "train.batch_size is missing"),
            (
                "batch_size = 8",
                "batch_size = -8",
                "train.batch_size = -8: a whole number, 0 or more",
            ),
            ("batch_size = 8", "batch_size = 8.5", "train.batch_size = 8.5: a whole number"),
            ("[3, 4]", "[3, \"4\"]", "widths.1 = \"4\": a whole number"),
            ("[3, 4]", "3", "widths = 3: a list"),
            ("\"he\"", "\"hee\"", "init = \"hee\" is none of glorot, he"),
            ("\"he\"", "{ normal = { st = 1 } }", "init.normal.st: no such key"),
            ("seed = 1", "seed = true", "seed = true: a whole number"),
            // In a tagged enum the key is found by its value, which single precision rounds.
            ("kind = \"adam\"", "kind = \"adam\"\nbeta1 = 1.1", "optimiser.beta1 = 1.1: less"),
            ("kind = \"adam\"", "kind = \"adam\"\nbeta1 = 1e39", "optimiser.beta1 = 1e39: less"),
            (
                "kind = \"adam\"",
                "kind = \"adam\"\nbeta1 = 1.1000000001",
                "beta1 = 1.1000000001: less",
            ),
            (
                "[train.optimiser]",
                "[train.optimizer]",
                "train.optimizer: no such key; did you mean optimiser?",
            ),
        ] {
            let found = mistake(from, to);
            assert!(found.contains(message), "{to}: {found}");
        }
    }
}
