use crate::table::der::{LONGEST, MOST, Misfit, join, split};

/// Returns a document with that much content, its length in the shortest form.
fn document(content: usize) -> Vec<u8> {
    let length = content.to_be_bytes();
    let octets: &[u8] = match content {
        0..=0x7f => &[],
        0x80..=0xff => &length[7..],
        0x100..=0xffff => &length[6..],
        _ => &length[5..],
    };
    let first = if octets.is_empty() { content as u8 } else { 0x80 | octets.len() as u8 };
    [&[0x30, first], octets, &vec![0x5a; content]].concat()
}

#[test]
fn documents_of_every_length_form_come_back_as_they_went() {
    let documents = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000].map(document).to_vec();
    let column = join(&documents).unwrap().expect("there are some");
    assert_eq!(split(&column).unwrap(), documents);
    assert_eq!(join(&[]), Ok(None));
}

#[test]
fn what_is_cut_anywhere_is_named_or_is_fewer_documents() {
    let documents = [document(3), document(0x80), document(0x100)];
    let column = join(&documents).unwrap().unwrap();
    let ends = [documents[0].len(), documents[0].len() + documents[1].len()];
    for length in 0..column.len() {
        let expected = match length {
            0 => Err(Misfit::Empty),
            _ if ends.contains(&length) => Ok(documents[..1 + usize::from(length == ends[1])].to_vec()),
            _ => Err(Misfit::Cut),
        };
        assert_eq!(split(&column[..length]), expected, "{length}");
    }
}

#[test]
fn what_is_not_der_is_refused() {
    let cases: [(&[u8], Misfit); 9] = [
        (&[0x31, 0], Misfit::NoSequence),
        (&[0, 0], Misfit::NoSequence),
        (&[0x30, 0x80, 0, 0], Misfit::Length),
        (&[0x30, 0x81, 0x7f], Misfit::Length),
        (&[0x30, 0x82, 0, 0xff], Misfit::Length),
        (&[0x30, 0x83, 0, 0xff, 0xff], Misfit::Length),
        (&[0x30, 0x84, 0, 0, 0, 1, 0], Misfit::Length),
        (&[0x30, 0xff], Misfit::Length),
        (&[0x30, 0, 0x5a], Misfit::NoSequence),
    ];
    for (bytes, misfit) in cases {
        assert_eq!(split(bytes), Err(misfit), "{bytes:02x?}");
    }
    assert_eq!(join(&[vec![0x30, 0, 0x5a]]), Err(Misfit::Trailing));
    assert_eq!(join(&[vec![0x30, 0, 0x30, 0]]), Err(Misfit::Trailing), "two are not one");
    assert_eq!(join(&[document(1), Vec::new()]), Err(Misfit::Empty));
    assert_eq!(join(&[vec![0x30, 2, 0]]), Err(Misfit::Cut));
}

#[test]
fn there_is_a_most() {
    let many = vec![document(1); MOST];
    assert_eq!(split(&join(&many).unwrap().unwrap()).unwrap().len(), MOST);
    let too_many = vec![document(1); MOST + 1];
    assert_eq!(join(&too_many), Err(Misfit::TooMany));
    assert_eq!(split(&too_many.concat()), Err(Misfit::TooMany));

    let longest = [document(LONGEST - 5)];
    assert_eq!(longest[0].len(), LONGEST);
    assert_eq!(split(&join(&longest).unwrap().unwrap()).unwrap(), longest);
    let too_long = [document(LONGEST - 5), document(0)];
    assert_eq!(join(&too_long), Err(Misfit::TooLong));
    assert_eq!(split(&too_long.concat()), Err(Misfit::TooLong));
}
