// Words of the sheet in which sessions are annotated.

export const WORDS = {
  annotating: ['使用登记', 'What sessions were for'], no_sessions: ['这个范围内没有使用会话', 'No sessions in this range'],
  n_bare: ['{n} 次使用，{k} 次未登记', '{n} sessions, {k} with nothing said'], whole_range: ['看页面的时间范围', 'see the page\'s window'], only_bare: ['只看未登记的', 'Only those with nothing said'],
  said_purpose: ['用途', 'Purpose'], said_user_type: ['用户类型', 'Users'], said_user_unit: ['用户单位', 'Their unit'], said_content: ['服务内容', 'Content'], said_direction: ['学科领域', 'Field'], said_amount_cny: ['金额（元）', 'Amount (CNY)'], said_samples: ['样品数', 'Samples'],
  purpose_teaching: ['教学', 'teaching'], purpose_research: ['科研', 'research'], purpose_service: ['社会服务', 'service'], purpose_other: ['其他', 'other'],
  user_type_internal: ['内部', 'internal'], user_type_external: ['外部', 'external'],
  rule_amount_cny: ['请填不小于 0 的金额，至多两位小数', 'an amount from 0 on, with at most two decimals'], rule_samples: ['请填不小于 0 的整数', 'a whole number from 0 on'],
  sheet_keys: ['方向键与 Enter 在格间移动，Esc 还原本行；离开一行即保存', 'Arrows and Enter move, Esc takes a row back; a row is kept when you leave it'],
  row_state: ['保存', 'Kept'], row_changed: ['未保存', 'not kept yet'], row_saving: ['正在保存…', 'keeping…'], row_saved: ['已保存 {time}', 'kept {time}'], row_kept: ['已登记', 'kept'], row_wrong: ['未保存：请改正', 'not kept: please mend'],
  no_session_now: ['迟到数据之后不再有会话', 'no session holds it any more'],
  person: ['申请人', 'Asked by'], person_add: ['填写…', 'say…'], person_there: ['已填…', 'said…'], person_name: ['姓名', 'Name'], person_phone: ['电话', 'Phone'], person_email: ['电子邮箱', 'Email'], keep: ['保存', 'Keep'],
  person_kept: ['个人信息与统计分开保存，可随时删除，删除不改变任何数字；归档文件中不含个人信息，只有经授权的报送才会带上。', 'Persons are kept apart from all that is counted and can be forgotten at any time without changing a figure. Closed files hold none; only a delivery that is allowed to carries them.'],
  person_forget: ['删除个人信息', 'Forget this person'],
  import_csv: ['导入 CSV…', 'Import CSV…'], import_text: ['每行一次使用；同一行再次导入不会重复。不合格的行逐行列出，其余照常导入。', 'One use a row; the same row again changes nothing. Rows that cannot be taken are listed, the others are taken.'],
};
