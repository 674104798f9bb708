//! Certificate authorities in PEM, from data or files.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::error::{ClientError, capital};
use super::file_stamp::StampedFiles;

/// PEM text and where it stands.
pub(super) type PlacedPem = (Vec<u8>, String);

/// The certificates in DER form.
pub(super) fn parse(pem: &[u8], place: &str) -> Result<Vec<Vec<u8>>, ClientError> {
    let wrong = |why: &str| {
        ClientError::new(format!(
            "{} {why}; it must hold the API server's certificate authority in PEM form.",
            capital(place)
        ))
    };
    let mut store = rustls::RootCertStore::empty();
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|_| wrong("is damaged"))?;
        certificates.push(certificate.to_vec());
        store
            .add(certificate)
            .map_err(|_| wrong("holds something that is not a certificate"))?;
    }
    if certificates.is_empty() {
        return Err(wrong("holds no certificate"));
    }
    Ok(certificates)
}

/// Of data in base64.
pub(super) fn from_base64(data: &str, place: &str) -> Result<PlacedPem, ClientError> {
    let compact: String = data.split_whitespace().collect();
    let bytes = STANDARD.decode(compact).map_err(|_| {
        ClientError::new(format!(
            "{} is not base64; it must hold a PEM file in base64.",
            capital(place)
        ))
    })?;
    Ok((bytes, place.to_owned()))
}

/// Of a file, which is noted among those to look at again.
pub(super) fn from_file(path: &Path, place: &str, files: &mut StampedFiles) -> Result<PlacedPem, ClientError> {
    files.add(path);
    let place = format!("{place}, {}", path.display());
    let bytes = std::fs::read(path).map_err(|error| {
        ClientError::new(format!(
            "{} cannot be read ({error}); name a file that can.",
            capital(&place)
        ))
    })?;
    Ok((bytes, place))
}
