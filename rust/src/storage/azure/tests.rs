#![allow(clippy::unwrap_used)]

use super::*;
use crate::error::ErrorCode;
use crate::storage::options::configured;

const ROOT: &str = "abfss://c@a.dfs.core.windows.net/x";

fn told(given: &[(&str, &str)], around: &Environment, key: AzureConfigKey) -> Option<String> {
    let account = Account::of(&Location::parse(ROOT).unwrap()).unwrap();
    let settings = Settings::read(&configured(given), &account).unwrap();
    builder(&account, &settings, around).unwrap().get_config_value(&key)
}

#[test]
fn errors_name_what_is_wrong_and_no_secret() {
    let environment = "org.apache.flink.fs.azurefs.EnvironmentVariableKeyProvider";
    for (root, given, code, text) in [
        (
            "abfss://c/x",
            &[][..],
            ErrorCode::InvalidSetting,
            "names no container and account",
        ),
        (
            ROOT,
            &[("fs.azure.account.keyprovider", environment)],
            ErrorCode::InvalidSetting,
            "AZURE_STORAGE_KEY: ",
        ),
        (
            ROOT,
            &[("fs.azure.encryption.encoded.client-provided-key", "hidden")],
            ErrorCode::Unsupported,
            "for abfss: it cannot honour fs.azure.encryption.encoded.client-provided-key.",
        ),
    ] {
        let opened = open_in(&Location::parse(root).unwrap(), &configured(given), &Environment::new());
        let error = opened.err().unwrap();
        assert_eq!(error.code, code, "{error}");
        assert!(
            error.message.contains(text) && !error.message.contains("hidden"),
            "{error}"
        );
    }
}

#[test]
fn the_client_is_told_everything_that_is_set() {
    let nothing = Environment::new();
    let key = [("fs.azure.account.key", "a2V5")];
    assert_eq!(told(&key, &nothing, AzureConfigKey::AccessKey).as_deref(), Some("a2V5"));
    assert_eq!(told(&key, &nothing, AzureConfigKey::AccountName).as_deref(), Some("a"));
    let endpoint = told(&key, &nothing, AzureConfigKey::Endpoint);
    assert_eq!(endpoint.as_deref(), Some("https://a.blob.core.windows.net"));
}

#[test]
fn the_environment_counts_where_nothing_is_configured() {
    let around = Environment::from([
        (KEY, "never asked for".to_owned()),
        ("AZURE_CLIENT_ID", "id".to_owned()),
        ("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com/".to_owned()),
    ]);
    assert_eq!(told(&[], &around, AzureConfigKey::ClientId).as_deref(), Some("id"));
    let authority = told(&[], &around, AzureConfigKey::AuthorityHost);
    assert_eq!(authority.as_deref(), Some("https://login.microsoftonline.com"));
    assert_eq!(told(&[], &around, AzureConfigKey::AccessKey), None);
    let configured = [("fs.azure.account.key", "a2V5")];
    assert_eq!(told(&configured, &around, AzureConfigKey::ClientId), None);
}
