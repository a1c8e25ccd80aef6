//! PEM (RFC 7468), read generously: text around the blocks, any line width.

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::ImportError;

/// What stands between a BEGIN and its END.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Zeroizing<Vec<u8>>,
}

/// Returns the blocks in a text, in their order; none where it is no PEM.
pub(crate) fn blocks(text: &[u8]) -> Result<Vec<Block>, ImportError> {
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(begin) = find(rest, b"-----BEGIN ") {
        let head = &rest[begin + 11..];
        let label_end = find(head, b"-----").ok_or(ImportError::Damaged("a BEGIN line does not end"))?;
        let label = std::str::from_utf8(&head[..label_end])
            .map_err(|_| ImportError::Damaged("a BEGIN line is no text"))?;
        let body = &head[label_end + 5..];
        let end_line = format!("-----END {label}-----");
        let end = find(body, end_line.as_bytes()).ok_or(ImportError::Damaged("the END line is missing"))?;
        blocks.push(Block { label: label.to_owned(), der: decode(&body[..end])? });
        rest = &body[end + end_line.len()..];
    }
    Ok(blocks)
}

/// Decodes Base64 with white space anywhere.
fn decode(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, ImportError> {
    if find(body, b"Proc-Type:").is_some() {
        // OpenSSL's old encryption: one round of MD5, no check of the pass phrase.
        return Err(ImportError::NotSupported(
            "encrypted in OpenSSL's old way (rewrite it with `openssl pkcs8 -topk8 -in FILE`)".to_owned(),
        ));
    }
    let digits: Zeroizing<Vec<u8>> =
        Zeroizing::new(body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect());
    let size = BASE64.decode_len(digits.len()).map_err(|_| ImportError::Damaged("its Base64"))?;
    let mut der = Zeroizing::new(vec![0; size]);
    let size = BASE64.decode_mut(&digits, &mut der).map_err(|_| ImportError::Damaged("its Base64"))?;
    der.truncate(size);
    Ok(der)
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
