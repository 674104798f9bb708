//! Whether the API server is reached through a proxy, decided as stock's client decides it.
//!
//! kube's own choice is not used: it compares `NO_PROXY` with the address of the proxy instead of the server's, and looks at
//! the environment only when there is a kubeconfig.

use std::net::IpAddr;

use http::Uri;

use super::access::port_is_sound;
use super::error::ClientError;
use super::properties::Properties;

/// The proxy for a server: `https.proxy` or `http.proxy` (by the server's scheme), then the kubeconfig's `proxy-url`, then `all.proxy`,
/// then the JVM's own `https.proxyHost`; none when `no.proxy` covers the server.
pub(super) fn choose(
    server: &Uri,
    kubeconfig: Option<(String, String)>,
    properties: Properties<'_>,
) -> Result<Option<Uri>, ClientError> {
    let host = server.host().unwrap_or_default();
    let https = server.scheme_str() != Some("http");
    let port = server.port_u16().unwrap_or(if https { 443 } else { 80 });
    let own = |value: Option<(&str, String)>| value.map(|(value, place)| (value.to_owned(), place));

    let configured = own(properties.named(if https { "https.proxy" } else { "http.proxy" }))
        .or(kubeconfig)
        .or_else(|| own(properties.named("all.proxy")));
    if let Some((url, place)) = configured {
        if properties.get("no.proxy").is_some_and(|list| covers(list, host, port)) {
            return Ok(None);
        }
        let credentials = properties.get("proxy.username").zip(properties.get("proxy.password"));
        return parse(&url, &place, credentials).map(Some);
    }

    let family = if https { "https" } else { "http" };
    let Some(proxy_host) = properties.only_system(&format!("{family}.proxyHost")) else {
        return Ok(None);
    };
    if jvm_covers(
        properties
            .only_system("http.nonProxyHosts")
            .unwrap_or("localhost|127.*|[::1]|0.0.0.0"),
        host,
    ) {
        return Ok(None);
    }
    let proxy_port = properties
        .only_system(&format!("{family}.proxyPort"))
        .unwrap_or(if https { "443" } else { "80" });
    parse(
        &format!("http://{proxy_host}:{proxy_port}"),
        &format!("the system property {family}.proxyHost"),
        None,
    )
    .map(Some)
}

fn parse(url: &str, place: &str, credentials: Option<(&str, &str)>) -> Result<Uri, ClientError> {
    let wrong = |why: &str| {
        ClientError::new(format!(
            "The proxy address in {place} {why}; write it as http://host:port."
        ))
    };
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let url = match (credentials, url.split_once("://")) {
        (Some((user, password)), Some((scheme, rest))) if !rest.contains('@') => {
            format!("{scheme}://{}:{}@{rest}", escape(user), escape(password))
        }
        _ => url,
    };
    let uri: Uri = url.parse().map_err(|_| wrong("is not a URL"))?;
    if uri.host().unwrap_or_default().is_empty() {
        return Err(wrong("names no host"));
    }
    if !port_is_sound(&uri) {
        return Err(wrong("has no port that can be"));
    }
    let has_credentials = uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("http" | "https") => Ok(uri),
        Some("socks5") if !has_credentials => Ok(uri),
        Some("socks5") => Err(wrong(
            "is a socks5 proxy with user and password, which is not supported",
        )),
        scheme => Err(wrong(&format!(
            "has the scheme {:?}, which is not supported",
            scheme.unwrap_or_default()
        ))),
    }
}

fn escape(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut escaped, byte| {
        if byte.is_ascii_alphanumeric() {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// `NO_PROXY`: `*`, addresses, networks (`10.0.0.0/8`), names, which cover their subdomains (`example.org`, `.example.org`, `*.example.org`), each with a port or not.
fn covers(list: &str, host: &str, port: u16) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    list.split(',')
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| {
            if entry == "*" {
                return true;
            }
            if let (Ok(address), Some((network, bits))) = (host.parse::<IpAddr>(), entry.split_once('/'))
                && let (Ok(network), Ok(bits)) = (network.parse::<IpAddr>(), bits.parse::<u32>())
            {
                return in_network(address, network, bits);
            }
            let (name, wanted_port) = match entry.rsplit_once(':') {
                Some((name, digits)) if !name.contains(':') || name.ends_with(']') => match digits.parse::<u16>() {
                    Ok(digits) => (name, Some(digits)),
                    Err(_) => (entry, None),
                },
                _ => (entry, None),
            };
            let name = name
                .trim_start_matches('[')
                .trim_end_matches(']')
                .trim_start_matches('*')
                .trim_start_matches('.')
                .to_ascii_lowercase();
            let same = host == name || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
            !name.is_empty() && same && wanted_port.is_none_or(|wanted| wanted == port)
        })
}

fn in_network(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits)).unwrap_or(0);
            bits <= 32 && (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits)).unwrap_or(0);
            bits <= 128 && (address.to_bits() ^ network.to_bits()) & mask == 0
        }
        _ => false,
    }
}

/// `http.nonProxyHosts` of the JVM: names between `|`, each with `*` at its start or end.
fn jvm_covers(list: &str, host: &str) -> bool {
    list.split('|')
        .map(str::trim)
        .filter(|pattern| !pattern.is_empty())
        .any(|pattern| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
            (Some(""), _) => true,
            (Some(end), _) => host.ends_with(end),
            (None, Some(start)) => host.starts_with(start),
            (None, None) => host.eq_ignore_ascii_case(pattern),
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeMap;

    fn chosen(
        server: &str,
        kubeconfig: Option<&str>,
        system: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Result<Option<String>, ClientError> {
        let map = |pairs: &[(&str, &str)]| {
            pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect::<BTreeMap<_, _>>()
        };
        let (system, environment) = (map(system), map(environment));
        let kubeconfig = kubeconfig.map(|url| (url.to_owned(), "the kubeconfig".to_owned()));
        choose(
            &server.parse().unwrap(),
            kubeconfig,
            Properties {
                system: &system,
                environment: &environment,
            },
        )
        .map(|uri| uri.map(|uri| uri.to_string()))
    }

    #[test]
    fn the_order_is_stock_s() {
        let server = "https://kube.example:6443";
        assert_eq!(chosen(server, None, &[], &[]).unwrap(), None);
        assert_eq!(
            chosen(server, None, &[], &[("ALL_PROXY", "http://all:1")])
                .unwrap()
                .unwrap(),
            "http://all:1/"
        );
        assert_eq!(
            chosen(server, Some("http://file:1"), &[], &[("ALL_PROXY", "http://all:1")])
                .unwrap()
                .unwrap(),
            "http://file:1/"
        );
        assert_eq!(
            chosen(server, Some("http://file:1"), &[], &[("HTTPS_PROXY", "env:1")])
                .unwrap()
                .unwrap(),
            "http://env:1/"
        );
        assert_eq!(
            chosen(
                server,
                None,
                &[("https.proxy", "http://prop:1")],
                &[("HTTPS_PROXY", "env:1")]
            )
            .unwrap()
            .unwrap(),
            "http://prop:1/"
        );
        assert_eq!(
            chosen("http://kube:80", None, &[], &[("HTTPS_PROXY", "env:1")]).unwrap(),
            None
        );
        assert_eq!(
            chosen(
                server,
                None,
                &[("https.proxyHost", "jvm"), ("https.proxyPort", "8")],
                &[]
            )
            .unwrap()
            .unwrap(),
            "http://jvm:8/"
        );
        assert_eq!(
            chosen("https://127.0.0.1:1", None, &[("https.proxyHost", "jvm")], &[]).unwrap(),
            None
        );
    }

    #[test]
    fn credentials_are_put_into_the_address_and_never_into_a_message() {
        let environment = [
            ("HTTPS_PROXY", "http://p:1"),
            ("PROXY_USERNAME", "me"),
            ("PROXY_PASSWORD", "s@crt"),
        ];
        assert_eq!(
            chosen("https://k", None, &[], &environment).unwrap().unwrap(),
            "http://me:s%40crt@p:1/"
        );
        for url in ["ftp://u:secret@p:1", "socks5://u:secret@p:1", "http://u:secret@p:x"] {
            let error = chosen("https://k", Some(url), &[], &[]).unwrap_err();
            assert!(
                error.message().contains("the kubeconfig") && !error.message().contains("secret"),
                "{error}"
            );
        }
        assert_eq!(
            chosen("https://k", Some("socks5://p:1"), &[], &[]).unwrap().unwrap(),
            "socks5://p:1/"
        );
    }

    #[test]
    fn no_proxy_covers_the_server_not_the_proxy() {
        for (list, server, covered) in [
            ("*", "https://k", true),
            ("kube.example", "https://kube.example:6443", true),
            ("example", "https://kube.example", true),
            ("*.example", "https://kube.example", true),
            (".xample", "https://kube.example", false),
            ("xample", "https://kube.example", false),
            ("kube.example:6443", "https://kube.example:6443", true),
            ("kube.example:443", "https://kube.example:6443", false),
            ("10.0.0.0/8, other", "https://10.96.0.1", true),
            ("10.0.0.0/16", "https://10.96.0.1", false),
            ("0.0.0.0/0", "https://10.96.0.1", true),
            ("10.96.0.1", "https://10.96.0.1", true),
            ("fd00::/8", "https://[fd00::1]:6443", true),
            ("[fd00::1]:6443", "https://[fd00::1]:6443", true),
            ("fd00::1", "https://[fd00::1]", true),
            ("p", "https://k", false),
        ] {
            let proxy = chosen(server, None, &[], &[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", list)]).unwrap();
            assert_eq!(proxy.is_none(), covered, "{list} {server}");
        }
    }
}
