use super::connect;
use crate::cli::{Digest, Global, Random};
use crate::files::{Form, Input, Output};
use crate::{Problem, files};

/// `claviger digest`
pub(super) fn digest(global: &Global, options: Digest) -> Result<(), Problem> {
    let input = files::open(options.data.file.as_deref())?;
    let client = connect(global)?;
    let digest = match input {
        Input::Bytes(bytes) => client.digest(&options.hash, &bytes)?,
        Input::File(file) => client.digest_file(&options.hash, &file)?,
    };
    let form = if options.binary { Form::Binary } else { Form::Hex };
    Output::new(options.data.output, global.json).bytes("digest", &digest, form)
}

/// `claviger random`
pub(super) fn random(global: &Global, options: Random) -> Result<(), Problem> {
    let client = connect(global)?;
    let bytes = match &options.token {
        Some(token) => client.random_of(options.length, token)?,
        None => client.random(options.length)?,
    };
    let form = if options.hex { Form::Hex } else { Form::Binary };
    Output::new(options.output, global.json).bytes("bytes", bytes.as_bytes(), form)
}
