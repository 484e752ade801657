// Words of the printed sheet.

export const WORDS = {
  sheet_filters: ['筛选与设置', 'Filters and settings'], sheet_rests: ['数字的依据', 'What the figures rest on'],
  sheet_instruments: ['仪器（达标 / 全部）', 'Instruments, sufficient of all'], sheet_known: ['已知时间 ÷ 窗口', 'Known time ÷ window'],
  sheet_as_of: ['截至', 'As of'], sheet_by: ['打印者', 'Printed by'], sheet_at: ['打印时间', 'Printed at'], sheet_address: ['地址', 'Address'],
  sheet_cut: ['本页只列出已显示的行；其余在服务中。', 'Tables list the rows that were shown; the service has more.'],
  sheet_sign: ['签字', 'Signature'], sheet_name: ['姓名', 'Name'], sheet_day: ['日期', 'Date'],
};
