//! kube's client over connections that send at once.
//!
//! kube leaves Nagle's algorithm on: the second of two small segments then waits until the first is acknowledged, which the other end puts
//! off for up to 40 ms. That met the first request of every connection, and every body that did not leave with its head.

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ClientBuilder, ConfigExt};
use tower::{BoxError, Layer, ServiceBuilder};

/// A client as `kube::Client::try_from` makes it, apart from its retries and its tracing. Blocks while a credential plug-in runs; needs the
/// runtime's context.
pub(super) fn client(config: kube::Config) -> Result<kube::Client, kube::Error> {
    // When the certificate of a plug-in ends is known to kube alone, and so is the way through each kind of proxy.
    if config.auth_info.exec.is_some() || config.proxy_url.is_some() {
        return kube::Client::try_from(config);
    }
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(tcp)?);
    connector.set_connect_timeout(config.connect_timeout);
    let http: HttpClient<_, Body> = HttpClient::builder(TokioExecutor::new()).build(connector);
    let headers = ServiceBuilder::new()
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    let service = config.base_uri_layer().layer(headers);
    Ok(ClientBuilder::new(service, config.default_namespace.clone()).build())
}
