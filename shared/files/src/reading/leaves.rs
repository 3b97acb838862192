use std::collections::BTreeMap;

use toml::{Table, Value};

/// Every value of a table and of the tables in it, by its dotted key.
pub fn leaves(table: &Table) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect("", table, &mut found);
    found
}

fn collect(prefix: &str, table: &Table, found: &mut BTreeMap<String, Value>) {
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            Value::Table(inner) => collect(&format!("{key}."), inner, found),
            value => {
                found.insert(key, value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_under_dotted_keys_and_arrays_are_values() {
        let table: Table =
            toml::from_str("a = 1\n[b]\nc = [1, 2]\n[b.d]\ne = \"x\"\n[f]\n").unwrap();
        let found = leaves(&table);
        let shown: Vec<String> = found.iter().map(|(key, v)| format!("{key} = {v}")).collect();
        assert_eq!(shown, ["a = 1", "b.c = [1, 2]", "b.d.e = \"x\""]);
    }
}
