// Each mutation: its name, and for each `// mutation: NAME` in the source, in order, an edit of the statement below
// it. An edit gets that statement and all marked ones of its mutation. Most only cut, prepend, or replace by pattern.
// These names in the code are known here: isGreater, isSame, leadership, leads, leaderId, term, mode, heard, refused,
// message, now.nowMs, isBusy, and those of a peer in failure-detector.ts. After renaming one of them,
// `mutations.mjs --check` fails and says in which file.

/** Words that mutations may bring into a file. */
export const NEW_WORDS = ['wasLeader', 'timestamp', 'break', 'false', 'leaving', 'null', 'return', 'starting', 'true'];

const cut = () => '';
const same = (statement) => statement;
const instead = (code) => () => code;
const before = (code) => (statement) => code + statement;
const swap = (pattern, replacement) => (statement) => {
  const edited = statement.replace(pattern, replacement);
  if (edited === statement) throw new Error(`${pattern} is not in: ${statement}`);
  return edited;
};
const assign = (value) => swap(/=(?!=).*/s, `= ${value};`);

export const MUTATIONS = {
  'ties have no winner': [instead('return false;')],
  'no term': [cut],
  "the sender's clock judges": [swap(/now\.nowMs/, 'message.timestamp * 1000')],
  'a restart unseats': [
    before(`if (this.mode === 'resting') this.leadership = { term: heard.term, leaderId: null }; else `),
    (statement, [, , stand]) => swap(/\) .*/s, `) ${stand}`)(statement),
    same,
  ],
  'a late answer is a vote': [swap(/= [^&]*&& /, '= ')],
  'no incarnation': [assign('false')],
  'no asking before standing': [swap('= ', "= mode === 'checking' ? [] : ")],
  'no patience with former lives': [assign('0')],
  'a heartbeat is chance enough': [swap('failureTimeoutMs', 'heartbeatMs')],
  'a pause is chance enough': [cut],
  'a late tick judges': [cut],
  'a stopped leader acts without asking': [cut],
  'a follower that asks follows nobody': [assign('this.lastAskedMs + this.timings.heartbeatMs')],
  'far is as near': [assign('heartbeatMs / 2')],
  'a leader ignores higher terms': [before('if (this.leads && message.term > this.leadership.term) return;')],
  'any leadership is believed': [swap('!isGreater(', 'isSame(')],
  'up as soon as connected': [
    instead(`peer.heardOnLink = peer.heard = peer.hearsUs = true; peer.status = 'up'; peer.lastHeardMs = nowMs;`),
  ],
  'no second dial': [cut],
  'a silent link is kept': [cut],
  'refused is waited out': [swap('(refused)', "(refused && peer.status === 'unknown')")],
  'deaf peers count': [assign('true')],
  'an assignment never expires': [instead('break;')],
  'no list on a new link': [instead('return;')],
  "a dead server's tasks stay": [cut],
  "a deaf server's tasks stay": [cut],
  'a deposed leader assigns': [swap('if (', 'if (this.wasLeader ||= ')],
  'an election waits for its timeout': [swap(/\([^&]* && /, '(')],
  'ties go to the first server': [instead('return false;')],
  'a failed server is not excluded': [cut],
  'no hedging': [swap(' < 1 ', ' < 1e9 ')],
  'a slow server is not avoided': [instead('return false;')],
  'a move needs a token': [swap(/\(\w+ \|\| /, '(')],
  'a silent server keeps its task': [swap('nowMs < judgedMs', 'true')],
  'every task asks': [cut],
  'newcomers starve others': [swap('before < freePlaces', 'freePlaces > 0')],
  'busy is taken for gone': [cut],
  'an election holds tasks up': [
    cut,
    (statement, [, , retry]) => swap(/ \|\| this.*?;/s, `) ${swap(/isBusy.*/s, 'true);')(retry)}`)(statement),
    same,
  ],
  'the loser of a hedge runs on': [cut],
  'hedges need no token': [swap('this.tokens < 1 || ', '')],
  'a silent server gets more': [cut],
  'a lone leader assigns nothing': [swap('this.self.isReady()', 'peers.length > 0 && this.self.isReady()')],
  'a leader that is not ready takes tasks': [swap('this.self.isReady()', 'true')],
  'a leaving server gets tasks': [swap("=== 'ready'", "!== 'starting'")],
  'a starting server gets tasks': [swap("=== 'ready'", "!== 'leaving'")],
  'a closed connection ends no task': [cut],
  'exclusions are not sent': [assign('[]')],
  'ended tasks are forgotten': [cut],
  'a held election is dropped': [cut],
  'a subscription is no hint': [cut],
  'no back-off': [assign('nowMs')],
};
