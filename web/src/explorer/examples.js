import { TITLES } from '../titles';

const ELSEWHERE = {
	title: TITLES[ 1 ],
	pageId: -1,
	hashes: { phash: '91bcb8d3cc79c30c', dhash: '0f0f4d4c4ce8f0f0' }
};

/** A query for each thing that can be asked, about an indexed file. */
export function examples( { title, pageId, hashes: { phash, dhash } } = ELSEWHERE ) {
	return [
		{
			label: 'Files like a file',
			query: `# Which files look like this one? The
# closest come first, with how many of
# 64 bits differ in each of two
# hashes. Press the button, or
# Ctrl-Enter; Ctrl-Space completes.

query LikeAFile($title: String!) {
  file(title: $title) {
    status
    hashes { phash dhash }
    matches(first: 10) {
      totalCount
      nodes {
        phashDistance
        dhashDistance
        file {
          title
          width
          height
        }
      }
    }
  }
}
`,
			variables: { title }
		},
		{
			label: 'The same, by page id',
			query: `# Files have a page id as well.
# Whether two are the very same file,
# their SHA-1 tells.

query LikeAPage($pageId: Int!) {
  file(pageId: $pageId) {
    title
    sha1
    matches {
      nodes {
        phashDistance
        dhashDistance
        file { pageId title sha1 }
      }
    }
  }
}
`,
			variables: { pageId }
		},
		{
			label: 'Files near two hashes',
			query: `# The hashes of a picture of your own
# come from POST /hash. The tolerance
# is how many bits may differ in each
# (8 unless told otherwise) and, as
# closest, in the closer of the two.
# To go on where the list ends, give
# its endCursor as $after.

query NearHashes(
  $phash: Hash!
  $dhash: Hash!
  $tolerance: Tolerance
  $after: String
) {
  search(
    phash: $phash
    dhash: $dhash
    tolerance: $tolerance
    first: 2
    after: $after
  ) {
    totalCount
    truncated
    nodes {
      phashDistance
      dhashDistance
      file { title thumbnailUrl(width: 330) }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
			variables: { phash, dhash, tolerance: { phash: 10, dhash: 10, closest: 4 } }
		},
		{
			label: 'Many pictures at once',
			query: `# Up to 500 pictures in one query,
# such as a batch before it is
# uploaded. The answers come in the
# same order.

query ManyPictures($pictures: [HashPair!]!) {
  searchMany(pictures: $pictures, first: 3) {
    totalCount
    nodes {
      phashDistance
      dhashDistance
      file { title }
    }
  }
}
`,
			variables: { pictures: [ { phash, dhash }, { phash: '8000000000000000', dhash: '0000000000000000' } ] }
		},
		{
			label: 'What is known of files',
			query: `# Up to 500 files by page id and by
# title; null stands for one that does
# not exist. NOT_INDEXED says that
# nothing is known of a file yet, not
# that it has no match.

query KnownFiles($pageIds: [Int!], $titles: [String!]) {
  files(pageIds: $pageIds, titles: $titles) {
    title
    status
    uploadedAt
    mime
    hashes {
      phash
      dhash
      phashDecimal
      dhashDecimal
      lowInformation
      createdAt
    }
  }
}
`,
			variables: { pageIds: [ pageId ], titles: [ title, 'File:There is no such file.jpg' ] }
		},
		{
			label: 'A record of Finna',
			query: `# Are the pictures of a record of
# Finna on Commons? They are fetched
# and hashed now.

query FinnaPictures($id: String!) {
  finna(id: $id) {
    title
    pictures {
      url
      hashes { phash dhash }
      matches(first: 5) {
        totalCount
        nodes {
          phashDistance
          dhashDistance
          file { title }
        }
      }
    }
  }
}
`,
			variables: { id: 'museovirasto.4878' }
		},
		{
			label: 'Files that link to a site',
			query: `# Files whose pages link to a host, at
# an address with this in its path.

query LinkedFiles($domain: String!, $path: String!) {
  externalLinks(
    domain: $domain
    path: $path
    first: 5
  ) {
    totalCount
    nodes {
      title
      status
      matches(first: 3) {
        totalCount
        nodes { file { title } }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
			variables: { domain: 'finna.fi', path: '/Record/' }
		},
		{
			label: 'What is searched',
			query: `# How many files can be found, of how
# many there are, by which engine and
# as of when.

query WhatIsSearched {
  index {
    fileCount
    commonsFileCount
    engine
    indexedThrough
    liveCount
  }
}
`
		}
	].map( ( example ) => ( { ...example, variables: JSON.stringify( example.variables, null, 2 ) ?? '' } ) );
}
